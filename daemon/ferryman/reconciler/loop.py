"""The loop. Level-triggered: every wake-up means only "look", and everything is decided afresh."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from ferryman.downtime.values import ServiceCheck
from ferryman.fleet.fact_book import REFRESHED_AFTER_S
from ferryman.fleet.ownership import Claim, claim_of
from ferryman.fleet.values import Power, Snapshot
from ferryman.migration.attempt import Services, carry_out, take_up
from ferryman.migration.move import ends_of
from ferryman.planning.admission import Route
from ferryman.planning.decisions import Decision, Refused, UpToDate, Wait, WaitReason
from ferryman.planning.plans import Plan
from ferryman.planning.waiting import observing_only
from ferryman.reconciler.crew import Crew, Finished
from ferryman.reconciler.deciding import Decided, Decider, UnderWay, resting
from ferryman.reconciler.dirty_rates import DirtyRates, to_watch
from ferryman.reconciler.obeying import owing
from ferryman.reconciler.ordering import order_of
from ferryman.reconciler.parts import Parts
from ferryman.reconciler.recovering import Recovery
from ferryman.reconciler.silences import Silences
from ferryman.reconciler.sweeping import Sweeper
from ferryman.reconciler.unfinished import in_flight
from ferryman.records.audit.ids import migration_id
from ferryman.records.audit.record import MigrationRecord
from ferryman.records.journal.entry import JournalEntry
from ferryman.records.lease.rules import Observing
from ferryman.records.state.conditions import InFlight, Status
from ferryman.specs.loading import Specs

_NS_PER_S = 1_000_000_000
_MISSING_HOST_S = 5.0
"""A host that comes back is found so soon."""
_FACTS_OF_STUCK_S = 20.0
"""Somebody may have mended what a VM was refused for, or broken what its move has failed of."""
_UNMEASURED_MEMORY_MIB = 0
"""A move taken up after a restart is in its hosts' own readings already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one pass found; what `run --once` goes by."""

    statuses: Mapping[str, Status]
    moving: frozenset[str]


class Reconciler:
    """Looks, decides, begins what may begin, writes down what is so. Used from one thread."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._crew = Crew(parts.wake, parts.work)
        self._dirty_rates = DirtyRates(parts.clock, parts.keep_rate)
        self._silences = Silences(self._answers, parts.wake)
        self._left_silent = list(parts.chronicle.silent())
        """Listened for as soon as the specs say how the hosts that probed them are reached."""
        self._recovery = Recovery(parts.chronicle, parts.clock, parts.events.answered)
        self._host_is_missing = False
        self._sweeper = Sweeper(parts.work, parts.view.host, parts.events.trouble)

    def look(self, *, patient: bool = False) -> Look:
        """One pass. `patient`: a VM that is to move, and its hosts, are first examined where that was not done yet."""
        parts = self._parts
        parts.wanted.refresh()
        parts.progress()
        parts.events.problems(parts.wanted.problems)
        parts.chronicle.observe_specs(parts.wanted)
        specs = parts.wanted.specs
        if specs is None:
            return Look(statuses={}, moving=frozenset())
        parts.view.configure(specs.hosts)
        while self._left_silent:
            self._silences.ended(self._left_silent.pop())
        for finished in self._crew.collect():
            self._finish(finished, specs)
        parts.progress()
        snapshot = parts.view.look()
        parts.progress()
        self._host_is_missing = bool(snapshot.unreachable())
        observing = parts.observing()
        if observing is not None:
            parts.events.trouble(f"observing only: {observing.reason}", observing.remedy)
        waiting = self._take_up(specs, snapshot) if observing is None else self._leave(observing)
        if observing is None:
            self._sweeper.look(parts.chronicle.journal.markers, specs.hosts.keys() - snapshot.unreachable().keys())
        statuses = self._decide_and_begin(specs, snapshot, waiting, observing, patient=patient)
        if not patient and observing is None:
            self._dirty_rates.want(to_watch(specs, snapshot, self._busy(), parts.view.host))
        parts.progress()
        parts.chronicle.observe(specs, snapshot, statuses, self._busy())
        if not self._crew.moving():
            stuck = any(_is_stuck(status) for status in statuses.values())
            parts.view.refresh_facts(_FACTS_OF_STUCK_S if stuck else REFRESHED_AFTER_S)
        return Look(statuses=statuses, moving=self._crew.moving())

    def close(self, patience_s: float) -> None:
        """Let moves end that can be taken back or are nearly through; the journal keeps the rest open."""
        self._dirty_rates.close()
        self._silences.close()
        self._crew.wait(patience_s)
        specs = self._parts.wanted.specs
        if specs is not None:
            for finished in self._crew.collect():
                self._finish(finished, specs)

    def next_retry_s(self) -> float | None:
        """How long until a failed move or an unreachable host is tried again; None: nothing waits for that."""
        now = self._parts.clock.monotonic_ns()
        due = [setback.retry_at_ns for setback in self._parts.chronicle.memory.setbacks.values()]
        due += self._recovery.next_look_ns()
        pauses = [(at - now) / _NS_PER_S for at in due if at > now]
        if self._host_is_missing:
            pauses.append(_MISSING_HOST_S)
        return min(pauses, default=None)

    def _decide_and_begin(
        self,
        specs: Specs,
        snapshot: Snapshot,
        waiting: Mapping[str, Status],
        observing: Observing | None,
        *,
        patient: bool,
    ) -> dict[str, Status]:
        """`waiting`: what is said of the VMs whose last move is open; nothing is decided about them."""
        parts = self._parts
        decider = Decider(
            specs=specs,
            view=parts.view,
            snapshot=snapshot,
            memory=parts.chronicle.memory,
            now_ns=parts.clock.monotonic_ns(),
            claim=lambda owner: claim_of(owner, parts.me, parts.clock.now()) if parts.me else Claim.NONE,
            limits=specs.fleet.limits,
            patient=patient,
            under_way=self._crew.under_way(),
            owing=owing(parts.chronicle.journal.asked.entries(), parts.clock.now()),
            dirty_rate=self._dirty_rates.measured if patient else self._dirty_rates.known,
            progress=parts.progress,
        )
        busy = self._crew.moving() | waiting.keys()
        rest = resting(specs)
        idle = specs.vms.keys() - busy - rest.keys()
        decided = decider.decide(idle)
        if observing is None:
            self._begin_all(decided, specs)
        for vm, one in decided.items():
            if isinstance(one.decision, UpToDate):
                parts.chronicle.memory.setbacks.pop(vm, None)
        statuses: dict[str, Status] = {vm: _said(one.decision, observing) for vm, one in decided.items()}
        for vm, silent in self._silences.now().items():
            if isinstance(statuses.get(vm), UpToDate) and _runs(snapshot, vm):
                statuses[vm] = silent
        return statuses | rest | dict(waiting) | self._crew.statuses()

    def _begin_all(self, decided: Mapping[str, Decided], specs: Specs) -> None:
        planned = {vm: one for vm, one in decided.items() if isinstance(one.decision, Plan)}
        may_begin = self._parts.only is None and not self._parts.stop.is_set()
        if not planned or not may_begin or not self._parts.chronicle.takes_files():
            return
        for vm, one in planned.items():
            self._begin(vm, one, specs)

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

    def _take_up(self, specs: Specs, snapshot: Snapshot) -> dict[str, Status]:
        """Bring open moves to their end, as far as their hosts answer; what is said of the VMs of the others."""
        unfinished = self._recovery.look(specs, snapshot, self._crew.moving())
        statuses: dict[str, Status] = dict(unfinished.waiting)
        for entry in unfinished.ready:
            if self._parts.only not in (None, entry.vm):
                statuses[entry.vm] = in_flight(entry)
            elif not self._parts.stop.is_set():
                self._take_up_one(entry, specs)
        return statuses

    def _leave(self, observing: Observing) -> dict[str, Status]:
        """What is said of VMs with an open move while it is another daemon's to act."""
        moving = self._crew.moving()
        left = self._parts.chronicle.open_moves().open.keys() - moving
        return {vm: observing_only(vm, observing.reason, observing.remedy) for vm in left}

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

    def _busy(self) -> frozenset[str]:
        ways = [move.way for move in self._crew.under_way()]
        return frozenset(host for way in ways for host in (way.source, way.destination))


def _said(decision: Decision, observing: Observing | None) -> Decision:
    """A plan that is not carried out is none."""
    if observing is None or not isinstance(decision, Plan):
        return decision
    return observing_only(decision.vm, observing.reason, observing.remedy)


def _runs(snapshot: Snapshot, vm: str) -> bool:
    return any(domain.power is Power.RUNNING for domain in snapshot.holders(vm).values())


def _is_stuck(status: Status) -> bool:
    return isinstance(status, Refused) or (isinstance(status, Wait) and status.reason is WaitReason.RETRY)
