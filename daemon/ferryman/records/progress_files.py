"""Progress of the attempts under way, for the eyes only: `live/VM.json`, volatile, outside git's history.

Never fsynced, and losing it costs nothing; so a reader skips what it cannot read, and a writer that finds no
room says False rather than disturb a migration.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from ferryman.records import atomic_files
from ferryman.records.errors import RecordError, StateUnwritableError
from ferryman.records.names import checked
from ferryman.records.toml_files import content
from ferryman.specs.choices import Method

FOLDER = "live"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """One attempt at one moment; None where nothing is known yet."""

    vm: str
    id: str
    source: str
    destination: str
    method: Method
    phase: str
    started_at: datetime
    memory_total_bytes: int | None = None
    memory_processed_bytes: int | None = None
    disk_total_bytes: int | None = None
    disk_processed_bytes: int | None = None
    bandwidth_mib_s: float | None = None
    iteration: int | None = None
    """Pass over the guest's memory."""
    probe: str = ""
    """What the prober sees, in short."""
    updated_at: datetime


_ADAPTER = TypeAdapter(Progress)


def write_progress(state_folder: Path, progress: Progress) -> bool:
    """Show this; False where the folder takes no file."""
    content = _ADAPTER.dump_json(progress, exclude_none=True)
    try:
        atomic_files.replace(_path(state_folder, progress.vm), content, durable=False)
    except StateUnwritableError:
        return False
    return True


def read_progress(state_folder: Path) -> tuple[Progress, ...]:
    """What is under way, by VM name."""
    found = (_read(path) for path in sorted((state_folder / FOLDER).glob("[!.]*.json")))
    return tuple(progress for progress in found if progress is not None)


def clear_progress(state_folder: Path, vm: str) -> bool:
    """The VM's attempt has ended; False where its file is absent or cannot be removed."""
    try:
        return atomic_files.remove(_path(state_folder, vm), durable=False)
    except StateUnwritableError:
        return False


def clear_all(state_folder: Path) -> None:
    """Nothing is under way yet: what is there, a killed daemon left. Raises StateUnwritableError."""
    folder = state_folder / FOLDER
    for path in folder.glob("*.json"):
        atomic_files.remove(path, durable=False)
    atomic_files.sweep(folder)


def _read(path: Path) -> Progress | None:
    try:
        return _ADAPTER.validate_json(content(path))
    except (RecordError, ValidationError):
        return None


def _path(state_folder: Path, vm: str) -> Path:
    return state_folder / FOLDER / f"{checked(vm)}.json"
