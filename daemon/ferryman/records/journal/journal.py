"""The journal: what each attempt under way is about to do, written before it does it.

One file per VM, `journal/NAME.toml` in the state folder, outside its git history; durable once `write`
returns. An attempt that was held for a person keeps its entry, in `journal/held/`, for what comes of it; an entry that
cannot be read and that a person gave up is kept in `journal/damaged/`. The entry of a failed one whose guest may yet
power itself off, as it was asked to, goes to `journal/asked/`.
"""

from __future__ import annotations

from pathlib import Path

from ferryman.records import atomic_files, toml_files
from ferryman.records.errors import RecordError
from ferryman.records.journal.asked import Asked
from ferryman.records.journal.entry import JournalEntry
from ferryman.records.journal.markers import Markers
from ferryman.records.names import checked

FOLDER = "journal"
HELD = "held"
DAMAGED = "damaged"
_MOST_BYTES = 1024 * 1024


class Journal:
    """The attempts under way, as a restart will find them."""

    def __init__(self, state_folder: Path) -> None:
        """Touches nothing; the folder is made by the first `write`."""
        self._folder = state_folder / FOLDER
        self.markers = Markers(state_folder)
        self.asked = Asked(state_folder)

    def write(self, entry: JournalEntry) -> None:
        """Note how far the attempt has come. Raises StateUnwritableError: then the step must not be taken."""
        atomic_files.replace(self._path(entry.vm), toml_files.to_toml(entry))

    def try_out(self) -> None:
        """Write and remove a file, as an entry would be. Raises StateUnwritableError."""
        path = self._folder / ".try.tmp"
        atomic_files.replace(path, b"", durable=False)
        atomic_files.remove(path, durable=False)

    def close(self, vm: str) -> None:
        """The VM's attempt has ended and is recorded; nothing where none was open."""
        atomic_files.remove(self._path(vm))

    def close_failed(self, vm: str) -> None:
        """As `close`, of an attempt that failed: its guest may power itself off yet, as it was asked to."""
        entry = next((entry for entry in self.entries() if entry.vm == vm), None)
        if entry is not None and entry.may_power_off:
            self.asked.keep(entry)
        elif entry is not None and entry.went_off:
            self.asked.drop(vm)
        self.close(vm)

    def hold(self, vm: str) -> None:
        """The VM's attempt was held for a person, and is recorded: keep its entry for when the person has decided."""
        if self._path(vm).exists():
            atomic_files.move(self._path(vm), self._held_path(vm))

    def release(self, vm: str) -> None:
        """What was held is decided; nothing where none was."""
        atomic_files.remove(self._held_path(vm))

    def held(self) -> tuple[JournalEntry, ...]:
        """The attempts that were held, by VM name; one that cannot be read is left out."""
        return tuple(toml_files.read_all((self._folder / HELD).glob("[!.]*.toml"), JournalEntry).values.values())

    def content(self, vm: str) -> bytes:
        """The entry's file as it is, up to a mebibyte; empty where it cannot be read at all."""
        try:
            with self._path(vm).open("rb") as file:
                return file.read(_MOST_BYTES)
        except OSError:
            return b""

    def set_aside(self, vm: str, label: str) -> Path:
        """Keep an entry that cannot be read out of the way, under a name with this label; where it is then."""
        target = self._folder / DAMAGED / f"{checked(vm)}-{checked(label)}.toml"
        atomic_files.move(self._path(vm), target)
        return target

    def entries(self) -> tuple[JournalEntry, ...]:
        """The attempts that were under way, by VM name."""
        return tuple(self._read().values.values())

    def damaged(self) -> tuple[RecordError, ...]:
        """Entries that cannot be read. Each is named after a VM, which is to be held for a person."""
        return self._read().damaged

    def _read(self) -> toml_files.Listing[JournalEntry]:
        return toml_files.read_all(self._folder.glob("[!.]*.toml"), JournalEntry)

    def _path(self, vm: str) -> Path:
        return self._folder / f"{checked(vm)}.toml"

    def _held_path(self, vm: str) -> Path:
        return self._folder / HELD / f"{checked(vm)}.toml"
