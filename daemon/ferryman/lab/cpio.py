"""The archive format that a kernel unpacks as its first file system (pure): cpio, "newc" variant."""

from __future__ import annotations

import stat
from collections.abc import Iterable
from dataclasses import dataclass

_MAGIC = "070701"
_END = "TRAILER!!!"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A file, folder or symbolic link of the archive; owned by root."""

    path: str
    """Without a leading slash."""
    mode: int
    """Type and permissions, as in `stat`."""
    content: bytes = b""
    """A file's content, or a link's target."""


def folder(path: str, permissions: int = 0o755) -> Entry:
    """A folder; its parents must come before it."""
    return Entry(path=path, mode=stat.S_IFDIR | permissions)


def file(path: str, content: bytes, permissions: int = 0o644) -> Entry:
    """A regular file."""
    return Entry(path=path, mode=stat.S_IFREG | permissions, content=content)


def link(path: str, target: str) -> Entry:
    """A symbolic link."""
    return Entry(path=path, mode=stat.S_IFLNK | 0o777, content=target.encode())


def with_folders(entries: Iterable[Entry]) -> list[Entry]:
    """The entries, with every missing parent folder before the first entry in it."""
    known: set[str] = set()
    complete: list[Entry] = []
    for entry in entries:
        parts = entry.path.split("/")
        for depth in range(1, len(parts)):
            parent = "/".join(parts[:depth])
            if parent not in known:
                known.add(parent)
                complete.append(folder(parent))
        known.add(entry.path)
        complete.append(entry)
    return complete


def archive(entries: Iterable[Entry]) -> bytes:
    """The archive's bytes; inode numbers follow the order, times are 0, so equal entries give equal bytes."""
    parts = [_record(number, entry) for number, entry in enumerate(entries, start=1)]
    parts.append(_record(0, Entry(path=_END, mode=0)))
    return b"".join(parts)


def _record(inode: int, entry: Entry) -> bytes:
    name = entry.path.encode() + b"\0"
    # ino mode uid gid nlink mtime filesize devmajor devminor rdevmajor rdevminor namesize check
    numbers = (inode, entry.mode, 0, 0, 1, 0, len(entry.content), 0, 0, 0, 0, len(name), 0)
    header = _MAGIC + "".join(f"{number:08X}" for number in numbers)
    return _padded(header.encode() + name) + _padded(entry.content)


def _padded(data: bytes) -> bytes:
    """Filled up with zeros to a multiple of four bytes."""
    return data + b"\0" * (-len(data) % 4)
