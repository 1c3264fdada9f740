"""How fast guests were seen to write: `live/dirty-rates/VM.json`, volatile, outside git's history.

For the preview, which is a process of its own, so that it goes by what the daemon goes by. Losing it costs seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from ferryman.fleet.values import DirtyRate
from ferryman.records import atomic_files
from ferryman.records.errors import RecordError, StateUnwritableError
from ferryman.records.names import checked
from ferryman.records.progress_files import FOLDER
from ferryman.records.toml_files import content


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenRate:
    """One measurement that gave a figure."""

    vm: str
    rate: DirtyRate
    measured_at: datetime


_ADAPTER = TypeAdapter(SeenRate)


def write_rate(state_folder: Path, rate: SeenRate) -> bool:
    """Show this; False where the folder takes no file."""
    try:
        atomic_files.replace(
            _folder(state_folder) / f"{checked(rate.vm)}.json", _ADAPTER.dump_json(rate), durable=False
        )
    except StateUnwritableError:
        return False
    return True


def read_rates(state_folder: Path) -> Mapping[str, SeenRate]:
    """What was measured last, by VM name; what cannot be read is passed over."""
    found = (_read(path) for path in sorted(_folder(state_folder).glob("[!.]*.json")))
    return {rate.vm: rate for rate in found if rate is not None}


def clear_rates(state_folder: Path) -> None:
    """Nothing is known yet: what is there, an earlier daemon left. Raises StateUnwritableError."""
    for path in _folder(state_folder).glob("*.json"):
        atomic_files.remove(path, durable=False)
    atomic_files.sweep(_folder(state_folder))


def _read(path: Path) -> SeenRate | None:
    try:
        return _ADAPTER.validate_json(content(path))
    except (RecordError, ValidationError):
        return None


def _folder(state_folder: Path) -> Path:
    return state_folder / FOLDER / "dirty-rates"
