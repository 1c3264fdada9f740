"""What can go wrong with the state folder; each error says what mends it."""

from __future__ import annotations

from pathlib import Path


class StateError(Exception):
    """The state folder cannot be used as asked. Nothing was written by halves."""

    def __init__(self, reason: str, remedy: str) -> None:
        """Both are sentences for people; the remedy is something to do."""
        super().__init__(f"{reason} {remedy}")
        self.reason = reason
        self.remedy = remedy


class StateLockedError(StateError):
    """Another daemon writes to this folder. It can still be opened read-only."""


class StateUnwritableError(StateError):
    """Full disk, missing permission, read-only file system: begin nothing new, and try again."""


class HistoryError(StateError):
    """The files are written, their git history is not. The next commit catches up with them."""


class RecordError(StateError):
    """One file cannot be read. The others can: list it as damaged, and go on."""

    def __init__(self, path: Path, reason: str, remedy: str) -> None:
        """`path` is the damaged file."""
        super().__init__(reason, remedy)
        self.path = path

    def __reduce__(self) -> tuple[type[RecordError], tuple[Path, str, str]]:
        """As it is sent from one process to another."""
        return RecordError, (self.path, self.reason, self.remedy)


class RecordExistsError(StateError):
    """An audit record of this id was written before; records never change."""


def unwritable(path: Path, error: OSError) -> StateUnwritableError:
    """The system's refusal to write at `path`, with what to do about it."""
    return StateUnwritableError(
        f"Cannot write {path}: {error.strerror or error}.",
        "Make room, or give the daemon's user write permission there; nothing was written by halves.",
    )
