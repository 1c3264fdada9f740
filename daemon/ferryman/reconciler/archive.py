"""The records of moves that ended: numbered, written, their journal entries closed, committed, and told in the states.

One after another, in the order in which they ended: what cannot be written now is tried again with the next call.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import chain
from pathlib import Path

from ferryman.reconciler import bookkeeping
from ferryman.reconciler.memory import Memory
from ferryman.records.audit.downtimes import Downtimes
from ferryman.records.audit.ordering import in_order, next_number
from ferryman.records.audit.record import MigrationRecord, Outcome
from ferryman.records.journal.journal import Journal
from ferryman.records.progress_files import clear_progress
from ferryman.records.state.messages import migration_message
from ferryman.records.state.states import VmState
from ferryman.records.store import StateStore


class Archive:
    """Whatever writes raises StateUnwritableError where the folder takes no files; nothing is lost by that."""

    def __init__(self, store: StateStore, journal: Journal, memory: Memory, written: Iterable[MigrationRecord]) -> None:
        """`written` is what the folder holds already, oldest first; `memory` is kept up to date with the rest."""
        self._store = store
        self._journal = journal
        self._memory = memory
        self._written = list(written)
        self._downtimes = Downtimes(self._written)
        self._unwritten: list[MigrationRecord] = []
        self._uncommitted: list[MigrationRecord] = []
        """Oldest first."""

    def outcomes(self) -> dict[str, Outcome]:
        """Of the moves whose record is written, by its id."""
        return {record.id: record.outcome for record in self._written}

    def ended(self) -> frozenset[str]:
        """The ids of all moves that ended, their record written or not."""
        return frozenset(record.id for record in chain(self._written, self._unwritten))

    def of(self, ids: Iterable[str]) -> list[MigrationRecord]:
        """The written records with these ids."""
        wanted = frozenset(ids)
        return [record for record in self._written if record.id in wanted]

    def take(self, record: MigrationRecord) -> None:
        """Number a new record; it is written by the next `write`."""
        number = next_number(chain(self._written, self._unwritten))
        self._unwritten.append(replace(record, number=number))

    def write(self) -> None:
        """Write what was taken, and close the journal's entries of it."""
        while self._unwritten:
            record = self._unwritten[0]
            self._store.write_record(record)
            self.close(record.vm, record.outcome)
            clear_progress(self._store.folder, record.vm)
            self._unwritten.pop(0)
            self._take_in(record)

    def close(self, vm: str, outcome: Outcome) -> None:
        """What a person must decide about keeps its entry until that is done; so does what a guest may yet obey."""
        if outcome is Outcome.FAILED:
            self._journal.close_failed(vm)
        else:
            self._journal.asked.drop(vm)
        if outcome is Outcome.HELD:
            self._journal.hold(vm)
        else:
            self._journal.close(vm)
            self._journal.release(vm)

    def write_states(self) -> None:
        """Write the states of the VMs that uncommitted records are about, and of no others."""
        for record in self._uncommitted:
            if record.vm not in self._memory.states:  # nobody has reconciled it yet
                downtimes = self._downtimes.of(record.vm)
                begun = bookkeeping.with_record(VmState(name=record.vm), record, downtimes)
                self._memory.states[record.vm] = begun
            self._store.write_vm(self._memory.states[record.vm])

    def commit(self, drained: frozenset[str]) -> None:
        """One commit for each move that ended; that a host is `drained` is a change of its own."""
        while self._uncommitted:
            record = self._uncommitted[0]
            self._store.commit(migration_message(record), self._files_of(record, drained))
            self._uncommitted.pop(0)

    def catch_up(self) -> None:
        """An earlier daemon was killed after it wrote an audit record: say so in the VM's state, and commit it."""
        if self._store.read_only:
            return
        self._uncommitted = in_order(self._store.uncommitted(self._written))
        for record in bookkeeping.untold(self._uncommitted, self._written, self._memory.states):
            self._apply(record)

    def _files_of(self, record: MigrationRecord, drained: frozenset[str]) -> list[Path]:
        hosts = [self._store.paths.host(name) for name in sorted({record.source, record.destination} - drained)]
        files = [self._store.paths.record(record), self._store.paths.vm(record.vm), *hosts]
        return [file for file in files if file.exists()]

    def _take_in(self, record: MigrationRecord) -> None:
        self._uncommitted.append(record)
        self._written.append(record)
        self._downtimes.add(record)
        self._memory.learn(self._written)
        self._apply(record)

    def _apply(self, record: MigrationRecord) -> None:
        before = self._memory.states.get(record.vm)
        if before is not None:
            downtimes = self._downtimes.of(record.vm)
            self._memory.states[record.vm] = bookkeeping.with_record(before, record, downtimes)
