"""Moves that did not come to an end: open, held for a person, or with a journal entry that cannot be read.

Put together here alone: the daemon, its preview and every command mean the same by it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from ferryman.records.audit import whole as audit
from ferryman.records.audit.ledger import held
from ferryman.records.audit.record import MigrationRecord
from ferryman.records.journal.entry import JournalEntry
from ferryman.records.journal.journal import Journal


class Attempt(StrEnum):
    """What there is of a VM's last attempt."""

    NONE = "none"
    """Nothing: it ended."""
    MOVING = "moving"
    """The daemon is at work on it."""
    OPEN = "open"
    """Its journal entry waits to be taken up."""
    HELD = "held"
    """It was left for a person."""
    DAMAGED = "damaged"
    """Its journal entry cannot be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenMoves:
    """By VM."""

    open: Mapping[str, JournalEntry] = field(default_factory=dict)
    """Begun and not ended."""
    held: Mapping[str, MigrationRecord] = field(default_factory=dict)
    """The newest attempt was left for a person to decide."""
    held_entries: Mapping[str, JournalEntry] = field(default_factory=dict)
    """The journal entries of held attempts, as far as they are there."""
    damaged: frozenset[str] = frozenset()
    """What was done to these is not known."""
    recorded: Mapping[str, JournalEntry] = field(default_factory=dict)
    """Ended, with an audit record: only the entry is still to be closed."""

    @classmethod
    def read(cls, journal: Journal, ended: Collection[str], held: Mapping[str, MigrationRecord]) -> OpenMoves:
        """Read a journal. `ended`: the ids of the attempts that have a record; `held`: as the records say."""
        entries = {entry.vm: entry for entry in journal.entries()}
        return cls(
            open={vm: entry for vm, entry in entries.items() if entry.id not in ended},
            held=held,
            held_entries={entry.vm: entry for entry in journal.held()},
            damaged=frozenset(error.path.stem for error in journal.damaged()),
            recorded={vm: entry for vm, entry in entries.items() if entry.id in ended},
        )

    def vms(self) -> tuple[str, ...]:
        """All VMs with such a move."""
        return tuple(sorted(self.open.keys() | self.held.keys() | self.damaged))

    def attempt(self, vm: str, moving: Collection[str]) -> Attempt:
        """What there is of this VM's. `moving`: the VMs that a daemon is at work on."""
        if vm in moving:
            return Attempt.MOVING
        if vm in self.damaged:
            return Attempt.DAMAGED
        if vm in self.open:
            return Attempt.OPEN
        return Attempt.HELD if vm in self.held else Attempt.NONE

    def entry(self, vm: str) -> JournalEntry | None:
        """Of an open or held attempt."""
        return self.open.get(vm) or self.held_entries.get(vm)

    def untouchable(self) -> frozenset[str]:
        """Names and UUIDs of the VMs whose disks, wherever they are, nobody may remove: any may be the newest."""
        entries = (*self.open.values(), *self.recorded.values(), *self.held_entries.values())
        return frozenset(name for entry in entries for name in (entry.vm, entry.uuid)) | self.damaged


def open_moves_in(state: Path) -> OpenMoves:
    """Of a state folder."""
    records = list(audit.records(state))
    return OpenMoves.read(Journal(state), {record.id for record in records}, held(records))
