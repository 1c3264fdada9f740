"""Marker volumes that are tried out on two hosts' storage: noted before either exists, until both are gone.

`journal/markers/NAME.toml`. Whoever creates them may be killed in between, or a host may fall silent: what is still
noted then is deleted later, host by host.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ferryman.records import atomic_files, toml_files
from ferryman.records.audit.record import VolumeAt
from ferryman.records.names import checked

FOLDER = Path("journal") / "markers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """A name that nothing else has, and where volumes of that name may be."""

    name: str
    places: tuple[VolumeAt, ...]


class Markers:
    """Those of one state folder, as one process uses them. Safe from several threads."""

    def __init__(self, state_folder: Path) -> None:
        """Touches nothing."""
        self._folder = state_folder / FOLDER
        self._in_use: set[str] = set()

    @contextmanager
    def noted(self, marker: Marker) -> Iterator[None]:
        """Note it for the block, and for later where the block fails. Raises StateUnwritableError."""
        self._in_use.add(marker.name)
        try:
            atomic_files.replace(self._path(marker.name), toml_files.to_toml(marker))
            yield
            self.forget(marker.name)
        finally:
            self._in_use.discard(marker.name)

    def left(self) -> tuple[Marker, ...]:
        """Those that nobody is at work with any more; a note that cannot be read is left out."""
        noted = toml_files.read_all(self._folder.glob("[!.]*.toml"), Marker).values.values()
        return tuple(marker for marker in noted if marker.name not in self._in_use)

    def forget(self, name: str) -> None:
        """No volume of that name is left. Raises StateUnwritableError."""
        atomic_files.remove(self._path(name))

    def _path(self, name: str) -> Path:
        return self._folder / f"{checked(name)}.toml"
