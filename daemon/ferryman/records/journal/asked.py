"""Guests that a move asked to power off, that ran still when it was given up, and that may obey yet.

`journal/asked/NAME.toml`: the entry of the move that asked last, kept when that move is recorded as failed. A guest
that flushes a database for minutes obeys after its move's deadline; without this note it would look like one that a
person switched off, and would stay off, or be moved and not started.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from ferryman.records import atomic_files, toml_files
from ferryman.records.journal.entry import JournalEntry
from ferryman.records.names import checked

FOLDER = Path("journal") / "asked"
OBEYS_FOR = timedelta(hours=3)
"""A guest that powers itself off so long after it was asked may have done so because of it.

systemd cuts the power 30 minutes after the request at the latest; Windows may install updates for an hour or two before
it does. Later it is a person's doing, and theirs to undo.
"""


class Asked:
    """Those of one state folder."""

    def __init__(self, state_folder: Path) -> None:
        """Touches nothing."""
        self._folder = state_folder / FOLDER

    def keep(self, entry: JournalEntry) -> None:
        """Its guest may power itself off yet. Raises StateUnwritableError."""
        atomic_files.replace(self._path(entry.vm), toml_files.to_toml(entry))

    def drop(self, vm: str) -> None:
        """Whatever becomes of this guest is not that move's doing any more; nothing where none was kept."""
        atomic_files.remove(self._path(vm))

    def entries(self) -> tuple[JournalEntry, ...]:
        """By VM name; a note that cannot be read is left out."""
        return tuple(toml_files.read_all(self._folder.glob("[!.]*.toml"), JournalEntry).values.values())

    def _path(self, vm: str) -> Path:
        return self._folder / f"{checked(vm)}.toml"
