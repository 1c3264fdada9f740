"""What a person asks of the daemon about a VM that it holds: `requests/VM.toml`, outside the state's git history.

The person's command writes the request, the daemon its answer into the same file, and the command takes that away. So
a held VM is freed without a restart, and by the one writer of the state folder.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from ferryman.records import atomic_files, toml_files
from ferryman.records.errors import RecordError
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


def folder_of(state: Path) -> Path:
    """Where requests are: to be watched."""
    return state / FOLDER


def write(state: Path, request: Request) -> None:
    """Ask, or ask something else than before. Raises StateUnwritableError."""
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


def _path(state: Path, vm: str) -> Path:
    return folder_of(state) / f"{checked(vm)}.toml"
