"""The file of a run: `bench/VM.toml` in the state folder, outside its git history, beside the audit records."""

from __future__ import annotations

from pathlib import Path

from ferryman.benching.values import BenchRun
from ferryman.records import atomic_files, toml_files
from ferryman.records.names import checked
from ferryman.records.state.repository import BENCH as FOLDER


def path_of(state_folder: Path, vm: str) -> Path:
    """Where a VM's last run is."""
    return state_folder / FOLDER / f"{checked(vm)}.toml"


def read(state_folder: Path, vm: str) -> BenchRun | None:
    """A VM's last run; None where there was none. Raises RecordError where it cannot be read."""
    path = path_of(state_folder, vm)
    return toml_files.read(path, BenchRun) if path.exists() else None


def write(state_folder: Path, run: BenchRun) -> None:
    """Keep it, durably. Raises StateUnwritableError."""
    atomic_files.replace(path_of(state_folder, run.vm), toml_files.to_toml(run))
