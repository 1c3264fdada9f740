"""Files that are either the old one or the new one, whatever happens in between.

The new content goes to a temporary file in the same folder, which then takes the old file's name. A crash
leaves at most a temporary file (`.NAME.XXXXXXXX.tmp`), which `sweep` removes.

Every function that writes raises `StateUnwritableError` where the system refuses.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ferryman.records.errors import unwritable


def replace(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Give `path` this content. Durable: it survives a power cut once this returns."""
    with _refusals_named(path):
        temporary = _write_beside(path, content, durable=durable)
        with _removed_on_failure(temporary):
            temporary.replace(path)
        if durable:
            _sync_folder(path.parent)


def write_out(path: Path, content: bytes) -> None:
    """Give a path that a person named this content: where it leads to a device or a pipe, that is written to.

    A link stays one: the file that it names is replaced.
    """
    with _refusals_named(path):
        if path.exists() and not path.is_file():
            with path.open("wb") as file:
                file.write(content)
            return
    replace(path.resolve(), content, durable=False)


def create(path: Path, content: bytes) -> bool:
    """Write a file that must not exist yet, durably; False where it does, and it stays as it is."""
    with _refusals_named(path):
        temporary = _write_beside(path, content, durable=True)
        try:
            # A link, unlike a rename, refuses to take the place of what is there.
            path.hardlink_to(temporary)
        except FileExistsError:
            return False
        finally:
            temporary.unlink()
        _sync_folder(path.parent)
    return True


def remove(path: Path, *, durable: bool = True) -> bool:
    """Remove the file; False where there was none."""
    with _refusals_named(path):
        try:
            path.unlink()
        except FileNotFoundError:
            return False
        if durable:
            _sync_folder(path.parent)
    return True


def move(path: Path, target: Path) -> None:
    """Give a file another name, durably; `target`, should it exist, is replaced."""
    with _refusals_named(target):
        make_folder(target.parent)
        path.replace(target)
        _sync_folder(target.parent)
        _sync_folder(path.parent)


def sweep(folder: Path) -> None:
    """Remove what interrupted writes left in this folder. Only for the folder's one writer."""
    with _refusals_named(folder):
        for leftover in folder.glob(".*.tmp"):
            leftover.unlink(missing_ok=True)


def make_folder(folder: Path) -> None:
    """Make the folder and those above it; it may exist."""
    with _refusals_named(folder):
        folder.mkdir(parents=True, exist_ok=True)


def _write_beside(path: Path, content: bytes, *, durable: bool) -> Path:
    make_folder(path.parent)
    temporary = path.with_name(f".{path.name}.{os.urandom(4).hex()}.tmp")
    with _removed_on_failure(temporary), temporary.open("xb") as file:
        file.write(content)
        file.flush()
        if durable:
            os.fsync(file.fileno())
    return temporary


def _sync_folder(folder: Path) -> None:
    """Until the folder itself is on disk, a power cut may bring the old name back."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _removed_on_failure(temporary: Path) -> Iterator[None]:
    try:
        yield
    except OSError:
        with suppress(OSError):
            temporary.unlink()
        raise


@contextmanager
def _refusals_named(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise unwritable(path, error) from error
