"""Specs from a git repository: committed blobs of one ref, never a checkout, never the working tree."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ferryman.specs import refusals
from ferryman.specs.commits import TreeEntry, batch_objects, revision_of, tree_entries
from ferryman.specs.git_repository import GitError, GitFailure, GitRepository
from ferryman.specs.problems import Problem
from ferryman.specs.source import (
    MAX_FILES,
    MAX_TOTAL_BYTES,
    WATCHED_NAMES,
    Revision,
    RevisionKind,
    SourceError,
    SpecFile,
    Tree,
    WatchedPlace,
    is_spec_path,
)
from ferryman.specs.trust import require_trusted

_LINK_MODE = "120000"
_SUBMODULE_MODE = "160000"
_FOLDER_MODE = "040000"
_LISTED = tuple(sorted(WATCHED_NAMES | {f"{name}/" for name in WATCHED_NAMES}))
"""Each name, and what is directly in it; never deeper: a few small trees can hold one another billions of times."""
_MOST_OF_LISTING = MAX_FILES * 256
"""Twice what so many files of usual names take."""
_MOST_OF_COMMIT = 1024 * 1024
_MOST_OF_HEAD = 128
"""Of an object's line before its content."""
_READ_WITHIN_S = 6.0
"""Of each command; a look runs at most eight. The loop's watchdog waits for all of them together."""


@dataclass(slots=True, kw_only=True)
class GitSource:
    """The specs folder of one ref. An unchanged ref costs one process per look, a changed one three."""

    repository: GitRepository
    """With its `git_dir` set, so that it does not depend on the working tree's being there."""
    common_dir: Path
    """Where the refs are: another folder than `git_dir` in a linked working tree."""
    prefix: str
    """The specs folder below the repository's root, ending in a slash; empty for the root."""
    ref: str = "HEAD"
    last_id: str = ""
    """The last commit that counted, where signatures are asked for; empty: none yet."""
    blobs_read: int = 0
    """How many blobs were read since the start."""
    _last: Tree | None = None
    _contents: dict[str, bytes] = field(default_factory=dict)

    def current(self) -> Tree:
        """Return the ref's newest revision. Raises SourceError where it cannot be read."""
        commit_id = self._commit_id()
        if self._last is not None and self._last.revision.id == commit_id:
            return self._last
        require_trusted(self.repository, commit_id, self.last_id)
        entries, refused = _sorted_out(self._entries(commit_id))
        contents = self._read(commit_id, entries)
        files = {
            entry.path: SpecFile(path=entry.path, blob_id=entry.object_id, content=contents[entry.object_id])
            for entry in entries
        }
        self._contents = {entry.object_id: contents[entry.object_id] for entry in entries}
        revision = revision_of(commit_id, contents[commit_id])
        self._last = Tree(revision=revision, files=files, refused=refused)
        self.last_id = commit_id
        return self._last

    def watched(self) -> tuple[WatchedPlace, ...]:
        """Return the folders of the refs: a commit, a fetch or a reset changes one of them."""
        heads = frozenset({"HEAD", "packed-refs"})
        folders = {self.common_dir, self.repository.git_dir or self.common_dir}
        return (
            *(WatchedPlace(directory=folder, recursive=False, names=heads) for folder in sorted(folders)),
            WatchedPlace(directory=self.common_dir / "refs", recursive=True),
            WatchedPlace(directory=self.common_dir / "reftable", recursive=True),
        )

    def _commit_id(self) -> str:
        wanted = f"{self.ref}^{{commit}}"
        try:
            output = self.repository.run(["rev-parse", "--verify", "--end-of-options", wanted])
        except GitError as error:
            if error.reason is GitFailure.FAILED:
                reason = f"{self.ref} is no commit in {self.repository.git_dir}: {error.stderr}"
                raise SourceError(reason, "commit the specs, or name a ref that exists") from error
            raise source_error(self.repository.directory, error) from error
        # --end-of-options is echoed by some versions of rev-parse.
        return output.decode("ascii", "replace").split()[-1]

    def _entries(self, commit_id: str) -> tuple[TreeEntry, ...]:
        folder = f"{commit_id}:{self.prefix}"
        try:
            output = self.repository.run(
                ["ls-tree", "-l", "-z", "--full-tree", folder, "--", *_LISTED], most_bytes=_MOST_OF_LISTING
            )
        except GitError as error:
            if error.reason is GitFailure.FAILED and self.prefix:
                reason = f"revision {commit_id[:12]} has no folder {self.prefix}: {error.stderr}"
                raise SourceError(reason, f"commit the folder: git add {self.prefix} && git commit") from error
            raise source_error(self.repository.directory, error) from error
        return tree_entries(output)

    def _read(self, commit_id: str, entries: Iterable[TreeEntry]) -> Mapping[str, bytes]:
        """The commit and every blob, the unchanged ones from the last look."""
        sizes = {entry.object_id: entry.size for entry in entries if entry.object_id not in self._contents}
        wanted = [commit_id, *sorted(sizes)]
        most_bytes = self._commit_size(commit_id) + sum(sizes.values()) + len(wanted) * _MOST_OF_HEAD
        try:
            output = self.repository.run(
                ["cat-file", "--batch"], "".join(f"{one}\n" for one in wanted).encode(), most_bytes=most_bytes
            )
        except GitError as error:
            raise source_error(self.repository.directory, error) from error
        found = batch_objects(output, wanted)
        missing = [one for one in wanted if one not in found]
        if missing:
            raise SourceError(
                f"the repository {self.repository.git_dir} lacks object {missing[0]}",
                "run git fsck there, and fetch what is missing",
            )
        self.blobs_read += len(wanted) - 1
        return self._contents | dict(found)

    def _commit_size(self, commit_id: str) -> int:
        """In bytes. Raises SourceError where a commit's text is larger than any that a person writes."""
        try:
            size = int(self.repository.run(["cat-file", "-s", commit_id]))
        except GitError as error:
            raise source_error(self.repository.directory, error) from error
        if size > _MOST_OF_COMMIT:
            raise SourceError(
                f"the text of revision {commit_id[:12]} has {size >> 20} MiB",
                "commit again with a shorter message: git commit --amend",
            )
        return size


def git_source(folder: Path, ref: str = "HEAD", last: Revision | None = None) -> GitSource | None:
    """The repository that contains a folder, or None outside git.

    The folder itself may be missing (removed from the working tree, or below a bare repository): what is
    committed counts. `last`: the revision in force.

    Raises SourceError where there is a repository that git refuses to use.
    """
    start, below = _nearest_existing(folder.absolute())
    repository = GitRepository(directory=start)
    question = ["rev-parse", "--absolute-git-dir", "--path-format=absolute", "--git-common-dir", "--show-prefix"]
    try:
        answers = os.fsdecode(repository.run(question)).split("\n")
    except GitError as error:
        if error.reason is GitFailure.NOT_A_REPOSITORY:
            return None
        raise source_error(start, error) from error
    git_dir, common_dir, prefix = Path(answers[0]), Path(answers[1]), answers[2]
    if below:
        prefix += "/".join(below) + "/"
    return GitSource(
        repository=GitRepository(directory=git_dir, git_dir=git_dir, timeout_s=_READ_WITHIN_S),
        common_dir=common_dir,
        prefix=prefix,
        ref=ref,
        last_id=last.id if last is not None and last.kind is RevisionKind.GIT else "",
    )


def source_error(folder: Path, error: GitError) -> SourceError:
    """A git failure as what a person can do about it."""
    match error.reason:
        case GitFailure.NOT_INSTALLED:
            return SourceError(f"git cannot be run: {error.stderr}", "install it: apt-get install git")
        case GitFailure.TIMED_OUT:
            return SourceError(f"git gave no answer: {error.stderr}", "see whether the disk of the repository hangs")
        case GitFailure.TOO_MUCH:
            return SourceError(
                f"the specs in {folder} are more than ferryman reads: {error.stderr}",
                f"see that this is the right folder; it reads at most {MAX_FILES} files",
            )
        case GitFailure.GONE | GitFailure.NOT_A_REPOSITORY:
            return SourceError(f"the repository {folder} is gone", "bring it back, or give another --specs folder")
        case GitFailure.FOREIGN_OWNER:
            trust = f"git config --global --add safe.directory {_trusted(folder, error.stderr)}"
            return SourceError(f"another user owns the repository {folder}", f"if you trust it, run: {trust}")
        case GitFailure.FAILED:
            return SourceError(f"git failed in {folder}: {error.stderr}", "run git fsck there")


def _trusted(folder: Path, stderr: str) -> str:
    """The folder that git itself names in its advice."""
    for line in stderr.splitlines():
        if "safe.directory" in line:
            return line.rpartition("safe.directory")[2].strip()
    return str(folder)


def _nearest_existing(folder: Path) -> tuple[Path, tuple[str, ...]]:
    """The folder, or its nearest parent that exists, and the parts below it."""
    for parent in (folder, *folder.parents):
        if parent.is_dir():
            return parent, folder.parts[len(parent.parts) :]
    return folder, ()


def _sorted_out(entries: Iterable[TreeEntry]) -> tuple[list[TreeEntry], dict[str, Problem]]:
    """What to read, and what is refused. Raises SourceError where it is too much altogether."""
    wanted: list[TreeEntry] = []
    refused: dict[str, Problem] = {}
    for entry in entries:
        if entry.mode == _FOLDER_MODE and entry.path.rpartition("/")[2].startswith("."):
            continue
        problem = _refusal(entry)
        if problem is not None:
            refused[entry.path] = problem
        elif is_spec_path(entry.path):
            wanted.append(entry)
    if len(wanted) > MAX_FILES or sum(entry.size for entry in wanted) > MAX_TOTAL_BYTES:
        raise SourceError(
            f"{len(wanted)} spec files are more than ferryman reads ({MAX_FILES}, {MAX_TOTAL_BYTES >> 20} MiB)",
            "see that this is the right folder",
        )
    return wanted, refused


def _refusal(entry: TreeEntry) -> Problem | None:
    if entry.mode == _LINK_MODE:
        return refusals.link(entry.path)
    if entry.mode == _SUBMODULE_MODE:
        return refusals.submodule(entry.path)
    if entry.mode == _FOLDER_MODE:
        return refusals.subfolder(entry.path)
    return refusals.by_measure(entry.path, entry.size) if is_spec_path(entry.path) else None
