"""What a person asks of the daemon about a VM that it holds: `requests/VM.toml`, outside the state's git history.

The person's command writes the request, the daemon its answer into the same file, and the command takes that away. So
a held VM is freed without a restart, and by the one writer of the state folder. The command holds a lock meanwhile: a
request that outlives it is not served.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from ferryman.records import atomic_files, toml_files
from ferryman.records.errors import RecordError
from ferryman.records.lock import FolderLock
from ferryman.records.names import checked

FOLDER = "requests"


class Wish(StrEnum):
    """What is to become of a move that is open or held."""

    ACCEPT = "accept"
    """Take it up: the recovery table's next step, and what follows."""
    FORGET = "forget"
    """End it as it is, touching no host."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One wish, and what the daemon answered."""

    vm: str
    wish: Wish
    asked_at: datetime
    asked_by: str
    granted: bool | None = None
    """None: not answered yet."""
    answer: str = ""
    record: str = ""
    """The id of the audit record that will come of it; empty: none will."""


def folder_of(state: Path) -> Path:
    """Where requests are: to be watched."""
    return state / FOLDER


@contextmanager
def asking(state: Path, request: Request) -> Iterator[None]:
    """Ask, for the block: once it is left, or this process ends, nobody waits for the answer any more.

    Raises StateLockedError where somebody else asks about the VM just now, StateUnwritableError.
    """
    folder = folder_of(state)
    atomic_files.make_folder(folder)
    with FolderLock.take(folder, _lock_name(request.vm)):
        write(state, request)
        try:
            yield
        finally:
            withdraw(state, request.vm)


def is_abandoned(state: Path, vm: str) -> bool:
    """Whether whoever asked is gone: what was wanted then may not be wanted now."""
    return FolderLock.holder(folder_of(state), _lock_name(vm)) is None


def write(state: Path, request: Request) -> None:
    """Ask or answer, in place of what was there. Raises StateUnwritableError."""
    atomic_files.replace(_path(state, request.vm), toml_files.to_toml(request))


def read(state: Path, vm: str) -> Request | None:
    """The VM's request as it is now; None where there is none that can be read."""
    try:
        return toml_files.read(_path(state, vm), Request)
    except RecordError:
        return None


def withdraw(state: Path, vm: str) -> None:
    """Take the VM's request away. Raises StateUnwritableError."""
    atomic_files.remove(_path(state, vm))


def unanswered(state: Path) -> tuple[Request, ...]:
    """The requests that wait for an answer. A file that cannot be read is none."""
    found = toml_files.read_all(folder_of(state).glob("[!.]*.toml"), Request).values
    return tuple(request for request in found.values() if request.granted is None)


def answered(request: Request, *, granted: bool, answer: str) -> Request:
    """The request with its answer."""
    return replace(request, granted=granted, answer=answer)


def _lock_name(vm: str) -> str:
    return f".{checked(vm)}.lock"


def _path(state: Path, vm: str) -> Path:
    return folder_of(state) / f"{checked(vm)}.toml"
