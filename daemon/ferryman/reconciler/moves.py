"""The moves that this daemon has in hand: begun from a plan, or taken up where one was left, and finished."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from ferryman.downtime.values import ServiceCheck
from ferryman.fleet.values import Snapshot
from ferryman.migration.attempt import Services, carry_out, take_up
from ferryman.migration.host_pair import ends_of
from ferryman.planning.admission import Route
from ferryman.planning.plans import Plan
from ferryman.planning.waiting import observing_only
from ferryman.reconciler.crew import Crew, Finished
from ferryman.reconciler.deciding import Decided, UnderWay
from ferryman.reconciler.ordering import order_of
from ferryman.reconciler.parts import Parts
from ferryman.reconciler.recovering import Recovery
from ferryman.reconciler.silences import Silences
from ferryman.reconciler.unfinished import in_flight
from ferryman.records.audit.ids import migration_id
from ferryman.records.audit.record import MigrationRecord
from ferryman.records.journal.entry import JournalEntry
from ferryman.records.lease.rules import Observing
from ferryman.records.state.conditions import InFlight, ServiceSilent, Status
from ferryman.specs.loading import Specs

_UNMEASURED_MEMORY_MIB = 0
"""A move taken up after a restart is in its hosts' own readings already."""


class Moves:
    """Each has a thread; what comes of it is collected, and written down, by the loop's. Used from that thread."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._crew = Crew(parts.wake, parts.work)
        self._silences = Silences(self._answers, parts.wake)
        self._left_silent = list(parts.chronicle.silent())
        """Listened for as soon as the specs say how the hosts that probed them are reached."""
        self._recovery = Recovery(parts.chronicle, parts.clock, parts.events.answered)

    def collect(self, specs: Specs) -> None:
        """Write down what ended since the last call, and listen for guests that were not heard again."""
        while self._left_silent:
            self._silences.ended(self._left_silent.pop())
        for finished in self._crew.collect():
            self._finish(finished, specs)

    def close(self, patience_s: float, specs: Specs | None) -> None:
        """Let moves end that can be taken back or are nearly through; the journal keeps the rest open."""
        self._silences.close()
        self._crew.wait(patience_s)
        if specs is not None:
            for finished in self._crew.collect():
                self._finish(finished, specs)

    def under_way(self) -> list[UnderWay]:
        """Those that have begun and were not collected yet."""
        return self._crew.under_way()

    def moving(self) -> frozenset[str]:
        """Their VMs."""
        return self._crew.moving()

    def busy(self) -> frozenset[str]:
        """Their hosts."""
        ways = [move.way for move in self._crew.under_way()]
        return frozenset(host for way in ways for host in (way.source, way.destination))

    def statuses(self) -> dict[str, InFlight]:
        """What is said of their VMs."""
        return self._crew.statuses()

    def silent(self) -> Mapping[str, ServiceSilent]:
        """What is said of VMs that arrived and whose service was not seen again."""
        return self._silences.now()

    def next_look_ns(self) -> list[int]:
        """When open moves are to be looked at again, on the monotonic clock."""
        return self._recovery.next_look_ns()

    def begin_all(self, decided: Mapping[str, Decided], specs: Specs) -> None:
        """Begin what was planned, unless the daemon is stopping or its state folder takes no files."""
        planned = {vm: one for vm, one in decided.items() if isinstance(one.decision, Plan)}
        may_begin = self._parts.only is None and not self._parts.stop.is_set()
        if not planned or not may_begin or not self._parts.chronicle.takes_files():
            return
        for vm, one in planned.items():
            self._begin(vm, one, specs)

    def take_up(self, specs: Specs, snapshot: Snapshot) -> dict[str, Status]:
        """Bring open moves to their end, as far as their hosts answer; what is said of the VMs of the others."""
        unfinished = self._recovery.look(specs, snapshot, self._crew.moving())
        statuses: dict[str, Status] = dict(unfinished.waiting)
        for entry in unfinished.ready:
            if self._parts.only not in (None, entry.vm):
                statuses[entry.vm] = in_flight(entry)
            elif not self._parts.stop.is_set():
                self._take_up_one(entry, specs)
        return statuses

    def leave(self, observing: Observing) -> dict[str, Status]:
        """What is said of VMs with an open move while it is another daemon's to act."""
        moving = self._crew.moving()
        left = self._parts.chronicle.open_moves().open.keys() - moving
        return {vm: observing_only(vm, observing.reason, observing.remedy) for vm in left}

    def _begin(self, vm: str, decided: Decided, specs: Specs) -> None:
        plan, parts = decided.decision, self._parts
        if not isinstance(plan, Plan):
            raise AssertionError("only a plan is begun")
        spec = specs.vms[vm]
        setback = parts.chronicle.memory.setback(spec)
        record_id = migration_id(parts.clock.now(), vm, secrets.randbits(16))
        order = order_of(decided, specs, record_id, attempt=setback.failures + 1 if setback else 1)
        services = self._services(plan.source, plan.destination)
        parts.events.begun(plan)
        way = Route(vm=vm, source=plan.source, destination=plan.destination)
        move = UnderWay(way=way, memory_mib=plan.memory_mib, spec=spec)
        status = InFlight(
            vm=vm,
            source=plan.source,
            destination=plan.destination,
            method=plan.method,
            why=plan.why,
            revision=specs.revision.id,
        )
        self._crew.begin(move, status, lambda: carry_out(order, services))

    def _take_up_one(self, entry: JournalEntry, specs: Specs) -> None:
        prober = specs.hosts.get(entry.watched.prober) if entry.watched else None
        services = self._services(entry.source, entry.destination)
        self._parts.events.taken_up(entry)
        way = Route(vm=entry.vm, source=entry.source, destination=entry.destination)
        move = UnderWay(way=way, memory_mib=_UNMEASURED_MEMORY_MIB)
        self._crew.begin(move, in_flight(entry), lambda: take_up(entry, services, prober))

    def _finish(self, finished: Finished, specs: Specs) -> None:
        parts, vm = self._parts, finished.move.way.vm
        if finished.bug is not None:
            parts.events.bug(vm, finished.bug)
            self._recovery.died(vm, finished.bug)
        if finished.record is None:
            parts.chronicle.idle(vm)
            self._recovery.left_open(vm)
            return
        towards = finished.move.spec or specs.vms.get(vm)
        parts.chronicle.memory.remember(finished.record, towards, specs.fleet.retry, parts.clock.monotonic_ns())
        parts.chronicle.record(finished.record)
        self._silences.ended(finished.record)
        parts.events.ended(finished.record)

    def _services(self, source: str, destination: str) -> Services:
        parts = self._parts
        return Services(
            ends=ends_of(parts.view, source, destination),
            journal=parts.chronicle.journal,
            clock=parts.clock,
            stop=parts.stop,
            show=parts.show,
            me=parts.me,
            work=parts.work,
            vantage=parts.vantage,
            keep_samples=parts.keep_samples,
        )

    def _answers(self, record: MigrationRecord) -> ServiceCheck:
        """Whether what was probed in a move answers now, from where it was probed."""
        specs, probed = self._parts.wanted.specs, record.measurement
        prober = specs.hosts.get(record.probed_from) if specs else None
        return self._parts.vantage(prober).check(probed.address, probed.port)
