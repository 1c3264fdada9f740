"""The state folder's one writer: states, records and their commits, and the memory that is read from them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from functools import partial
from itertools import chain

from ferryman.fleet.values import Snapshot
from ferryman.migration.clock import Clock
from ferryman.reconciler import bookkeeping
from ferryman.reconciler.archive import Archive
from ferryman.reconciler.events import Events
from ferryman.reconciler.mailbox import Mailbox
from ferryman.reconciler.memory import Memory
from ferryman.reconciler.wanting import Wanted
from ferryman.reconciler.writing import Writing
from ferryman.records.audit import whole as audit
from ferryman.records.audit.record import MigrationRecord
from ferryman.records.in_force import write_in_force
from ferryman.records.journal.entry import JournalEntry
from ferryman.records.journal.journal import Journal
from ferryman.records.journal.open_moves import OpenMoves
from ferryman.records.journal.salvage import salvaged
from ferryman.records.progress_files import clear_progress
from ferryman.records.state.conditions import ConditionReason, Status
from ferryman.records.state.messages import (
    Change,
    changes_message,
    fleet_change,
    host_change,
    vm_change,
)
from ferryman.records.state.states import HostState, VmState
from ferryman.records.store import StateStore
from ferryman.specs.loading import Specs
from ferryman.specs.source import Tree


class Chronicle:
    """Writes down what is so. A folder that takes no files is told, and nothing new begins until it does."""

    def __init__(self, store: StateStore, clock: Clock, events: Events) -> None:
        """Read what earlier daemons wrote. Nothing of it is needed to move VMs safely."""
        self._store = store
        self._clock = clock
        self._events = events
        self._writing = Writing(events)
        self.mailbox = Mailbox(store.folder, self._writing)
        self._hosts = store.host_states()
        self._fleet = store.fleet_state()
        self._kept_specs: Tree | None = None
        self._changes: list[Change] = []
        self.journal = Journal(store.folder)
        records = list(audit.records(store.folder, on_damaged=self._writing.tell))
        removals = tuple(audit.removals(store.folder, on_damaged=self._writing.tell))
        self.memory = Memory.of(store.vm_states(), records, removals)
        self._archive = Archive(store, self.journal, self.memory, records)
        self._writing.attempt(self._archive.catch_up)
        for damaged in (*store.damaged(), *self.journal.damaged()):
            self._writing.tell(damaged)

    def open_moves(self) -> OpenMoves:
        """Moves that did not come to an end; one whose record was written is only closed, or held."""
        written = self._archive.outcomes()
        found = OpenMoves.read(self.journal, self._archive.ended(), self.memory.held)
        for vm, entry in found.recorded.items():
            if entry.id in written:
                self._writing.attempt(partial(self._archive.close, vm, written[entry.id]))
        return found

    def silent(self) -> list[MigrationRecord]:
        """The newest records of the VMs whose service was silent when an earlier daemon looked last."""
        said = {
            vm
            for vm, state in self.memory.states.items()
            if any(condition.reason == ConditionReason.SERVICE_SILENT for condition in state.conditions)
        }
        return self._archive.of(
            state.last_migration.id for vm, state in self.memory.states.items() if vm in said and state.last_migration
        )

    def reopen(self, entry: JournalEntry) -> bool:
        """Make an attempt of its own of one that ended; whether that could be written."""
        return self._writing.attempt(partial(self.journal.write, entry))

    def asks_no_more(self, vm: str) -> None:
        """Whatever powers this VM off from now on is not what an ended move asked for."""
        self._writing.attempt(partial(self.journal.asked.drop, vm))

    def set_aside(self, vm: str, label: str) -> JournalEntry | None:
        """Keep a journal entry that cannot be read out of the way; whose attempt it was, as far as that can be read."""
        content = self.journal.content(vm)
        kept = self._writing.attempt(partial(self.journal.set_aside, vm, label))
        return salvaged(content) if kept else None

    def takes_files(self) -> bool:
        """Whether what a new move has to write down would be: tried out, because nothing else tells."""
        return self._writing.attempt(self._try_out)

    def record(self, record: MigrationRecord) -> None:
        """Write the audit record of a move that ended; it is committed with the next observation."""
        self._archive.take(record)
        self._writing.attempt(self._archive.write)

    def idle(self, vm: str) -> None:
        """Nobody is at work on the VM's open move any more: it makes no progress."""
        clear_progress(self._store.folder, vm)

    def observe_specs(self, wanted: Wanted) -> None:
        """Write down what is to be said of the specs as a whole."""
        self._writing.attempt(lambda: self._observe_specs(wanted))

    def observe(self, specs: Specs, snapshot: Snapshot, statuses: Mapping[str, Status], busy: Collection[str]) -> None:
        """Write every state that changed, and commit."""
        self._writing.attempt(lambda: self._observe(specs, snapshot, statuses, busy))

    def conclude(self) -> None:
        """Write and commit what ended moves changed, and nothing else: for one who moves a VM without reconciling."""
        self._writing.attempt(self._conclude)

    def _conclude(self) -> None:
        self._archive.write()
        self._archive.write_states()
        self._archive.commit(self._drained())

    def _observe(self, specs: Specs, snapshot: Snapshot, statuses: Mapping[str, Status], busy: Collection[str]) -> None:
        self._archive.write()
        now = self._clock.now()
        vms = self._vm_states(specs, snapshot, statuses, now)
        hosts = {
            name: bookkeeping.host_state(self._hosts.get(name), spec, specs, snapshot, busy=name in busy)
            for name, spec in specs.hosts.items()
        }
        # One by one: what was written before a write that fails is to be committed all the same.
        for change in chain(self._vm_changes(vms), self._host_changes(hosts)):
            self._changes.append(change)
        self._commit(specs)

    def _observe_specs(self, wanted: Wanted) -> None:
        after = bookkeeping.fleet_state(self._fleet, wanted, self._clock.now())
        change = fleet_change(self._fleet, after)
        self._store.write_fleet(after)
        if wanted.kept is not None and wanted.kept is not self._kept_specs:
            write_in_force(self._store.folder, wanted.kept)
            self._kept_specs = wanted.kept
        if change is not None:
            self._store.commit(changes_message([change], after.newest_revision))
        self._fleet = after

    def _vm_states(
        self, specs: Specs, snapshot: Snapshot, statuses: Mapping[str, Status], now: datetime
    ) -> dict[str, VmState]:
        states = {}
        for name in specs.vms.keys() | specs.stalled.keys():
            before = self.memory.states.get(name) or VmState(name=name)
            if name in specs.stalled:
                states[name] = bookkeeping.seen(before, statuses[name], snapshot, now)
            else:
                states[name] = bookkeeping.vm_state(before, specs.vms[name], specs, statuses[name], snapshot, now)
        return states

    def _vm_changes(self, after: Mapping[str, VmState]) -> Iterable[Change]:
        for name in sorted(self.memory.states.keys() | after.keys()):
            before, state = self.memory.states.get(name), after.get(name)
            change = vm_change(before, state)
            if state is None:
                self._store.remove_vm(name)
                del self.memory.states[name]
            else:
                self._store.write_vm(state)
                self.memory.states[name] = state
                if before is None or before.conditions != state.conditions:
                    for condition in state.conditions:
                        self._events.condition(name, condition)
            if change is not None:
                yield change

    def _host_changes(self, after: Mapping[str, HostState]) -> Iterable[Change]:
        for name in sorted(self._hosts.keys() | after.keys()):
            state = after.get(name)
            change = host_change(self._hosts.get(name), state)
            if state is None:
                self._store.remove_host(name)
            elif change is not None:
                self._store.write_host(state)
                self._events.host(state)
            if change is not None:
                yield change
        self._hosts = dict(after)

    def _commit(self, specs: Specs) -> None:
        """One commit for each move that ended, then one for whatever else was seen."""
        self._archive.commit(self._drained())
        if self._changes:
            self._store.commit(changes_message(self._changes, specs.revision.id))
            self._changes.clear()

    def _drained(self) -> frozenset[str]:
        return frozenset(name for name, state in self._hosts.items() if state.drained)

    def _try_out(self) -> None:
        self._archive.write()
        self.journal.try_out()
