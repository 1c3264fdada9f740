"""Specs from a plain folder outside git: what is on the disk now."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ferryman.specs import refusals
from ferryman.specs.guard import MAX_BYTES
from ferryman.specs.problems import Problem
from ferryman.specs.source import (
    MAX_FILES,
    WATCHED_NAMES,
    Revision,
    RevisionKind,
    SourceError,
    SpecFile,
    Tree,
    WatchedPlace,
    is_spec_path,
)


@dataclass(slots=True, kw_only=True)
class FolderSource:
    """A folder whose files count as they are, committed or not."""

    folder: Path

    def current(self) -> Tree:
        """Return the folder as it is. Raises SourceError where it cannot be read."""
        files: dict[str, SpecFile] = {}
        refused: dict[str, Problem] = {}
        for path in self._paths():
            shown = os.fsencode(path).decode("utf-8", "backslashreplace")
            found = self._file(path) if shown == path else refusals.unreadable(shown, "its name is not UTF-8")
            if isinstance(found, Problem):
                refused[shown] = found
            elif found is not None:
                files[path] = found
        return Tree(revision=_revision(files, refused), files=files, refused=refused)

    def watched(self) -> tuple[WatchedPlace, ...]:
        """Return the folder and all below it."""
        return (WatchedPlace(directory=self.folder, recursive=True),)

    def holds_specs(self) -> bool:
        """Whether anything is there that is read as specs."""
        return any((self.folder / name).exists() for name in WATCHED_NAMES)

    def _paths(self) -> list[str]:
        """Every entry that may matter, links among them, in a stable order."""
        try:
            present = {entry.name for entry in self.folder.iterdir()}
        except OSError as error:
            raise SourceError(
                f"the specs folder {self.folder} cannot be read: {error.strerror}",
                "create it, or give another --specs folder",
            ) from error
        paths: list[str] = []
        for path in (found for name in sorted(present & WATCHED_NAMES) for found in self._below(name)):
            paths.append(path)
            if len(paths) > MAX_FILES:
                raise SourceError(
                    f"{self.folder} holds more than {MAX_FILES} files", "see that this is the right folder"
                )
        return sorted(paths)

    def _below(self, path: str) -> Iterator[str]:
        """The path itself, or the entries below it where it is a real folder."""
        full = self.folder / path
        if full.is_symlink() or not full.is_dir():
            yield path
            return
        try:
            names = [entry.name for entry in full.iterdir()]
        except OSError:
            yield path
            return
        yield from (f"{path}/{name}" for name in names if not name.startswith("."))

    def _file(self, path: str) -> SpecFile | Problem | None:
        """The file at a path, why it is refused, or None for what is no spec."""
        full = self.folder / path
        try:
            facts = full.lstat()
            if stat.S_ISLNK(facts.st_mode):
                return refusals.link(path)
            if stat.S_ISDIR(facts.st_mode) and "/" in path:
                return refusals.subfolder(path)
            if stat.S_ISDIR(facts.st_mode):
                return refusals.unreadable(path, "permission denied")
            if not is_spec_path(path):
                return None
            if not stat.S_ISREG(facts.st_mode):
                return refusals.unreadable(path, "it is no regular file")
            return refusals.by_measure(path, facts.st_size) or _read(full, path)
        except FileNotFoundError:
            return None  # removed since it was listed
        except OSError as error:
            return refusals.unreadable(path, error.strerror or str(error))


def _read(full: Path, path: str) -> SpecFile | Problem:
    """Read a file that was a regular one a moment ago; raises OSError."""
    # No link that took its place meanwhile, and no waiting for a pipe's other end.
    descriptor = os.open(full, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        content = file.read(MAX_BYTES + 1)
    return SpecFile(path=path, blob_id=blob_id(content), content=content)


def blob_id(content: bytes) -> str:
    """Git's id of a blob: sha1 over `blob SIZE`, NUL, content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _revision(files: dict[str, SpecFile], refused: dict[str, Problem]) -> Revision:
    """A revision named after all that was found."""
    total = hashlib.sha1(usedforsecurity=False)
    for path, file in sorted(files.items()):
        total.update(f"{file.blob_id} {path}\0".encode())
    for path, problem in sorted(refused.items()):
        total.update(f"{problem.code} {path}\0".encode())
    digest = total.hexdigest()
    return Revision(
        id=f"folder-{digest}",
        short=f"folder-{digest[:12]}",
        author="",
        subject="",
        kind=RevisionKind.FOLDER,
    )
