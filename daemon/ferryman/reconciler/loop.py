"""The loop. Level-triggered: every wake-up means only "look", and everything is decided afresh."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ferryman.downtime.banner import check_service
from ferryman.fleet.fact_book import REFRESHED_AFTER_S
from ferryman.fleet.observing import FleetView
from ferryman.fleet.values import DirtyRate, Power, Snapshot
from ferryman.migration.attempt import Order, Services, carry_out, take_up
from ferryman.migration.clock import Clock
from ferryman.migration.move import Ends
from ferryman.migration.working import THREADS, Work
from ferryman.planning.admission import Way
from ferryman.planning.decisions import Finding, FindingCode, Plan, Refused, Severity, StallReason, UpToDate
from ferryman.planning.retrying import delay_s
from ferryman.reconciler.chronicle import Chronicle
from ferryman.reconciler.crew import Crew, Finished
from ferryman.reconciler.deciding import Decided, Decider, UnderWay, resting
from ferryman.reconciler.dirty_rates import DirtyRates, Keep, to_watch
from ferryman.reconciler.events import Events
from ferryman.reconciler.memory import Setback
from ferryman.reconciler.silences import Check, Silences
from ferryman.reconciler.wanting import Wanted
from ferryman.records.conditions import InFlight, Status
from ferryman.records.ids import migration_id
from ferryman.records.live import Progress
from ferryman.records.values import CauseRecord, JournalEntry, MigrationRecord, Outcome
from ferryman.specs.loading import Specs
from ferryman.specs.models import RetrySpec, VmSpec

_NS_PER_S = 1_000_000_000
_MISSING_HOST_S = 5.0
"""A host that comes back is found so soon."""
_FACTS_OF_REFUSED_S = 20.0
"""Somebody may have mended what a VM was refused for."""
_UNMEASURED_MEMORY_MIB = 0
"""A move taken up after a restart is in its hosts' own readings already."""


def _forget(_vm: str, _rate: DirtyRate) -> None:
    """Nobody else wants to know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the loop is made of."""

    wanted: Wanted
    view: FleetView
    chronicle: Chronicle
    clock: Clock
    events: Events
    show: Callable[[Progress], None]
    wake: Callable[[], None]
    stop: threading.Event
    keep_rate: Keep = _forget
    """Where measured dirty rates are kept for others to see."""
    check: Check = check_service
    """Whether a VM's service answers."""
    work: Work = THREADS


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
        self._silences = Silences(parts.check, parts.wake)
        for record in parts.chronicle.silent():
            self._silences.ended(record)
        self._stuck: dict[str, Refused] = {}
        """VMs that nothing is done to before a person, or a restart, has seen to them."""
        self._taken_up = False
        self._host_is_missing = False

    def look(self, *, patient: bool = False) -> Look:
        """One pass. `patient`: a VM that is to move is first watched for a second where that was not done yet."""
        parts = self._parts
        parts.wanted.refresh()
        parts.events.problems(parts.wanted.problems)
        parts.chronicle.observe_specs(parts.wanted)
        specs = parts.wanted.specs
        if specs is None:
            return Look(statuses={}, moving=frozenset())
        parts.view.configure(specs.hosts)
        if not self._taken_up:
            self._take_up(specs)
        for finished in self._crew.collect():
            self._finish(finished, specs)
        snapshot = parts.view.look()
        self._host_is_missing = bool(snapshot.unreachable())
        statuses = self._decide_and_begin(specs, snapshot, patient=patient)
        if not patient:
            self._dirty_rates.want(to_watch(specs, snapshot, self._busy(), parts.view.host))
        parts.chronicle.observe(specs, snapshot, statuses, self._busy())
        if not self._crew.moving():
            refused = any(isinstance(status, Refused) for status in statuses.values())
            parts.view.refresh_facts(_FACTS_OF_REFUSED_S if refused else REFRESHED_AFTER_S)
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
        pauses = [(at - now) / _NS_PER_S for at in due if at > now]
        if self._host_is_missing:
            pauses.append(_MISSING_HOST_S)
        return min(pauses, default=None)

    def _decide_and_begin(self, specs: Specs, snapshot: Snapshot, *, patient: bool) -> dict[str, Status]:
        parts = self._parts
        decider = Decider(
            specs=specs,
            view=parts.view,
            snapshot=snapshot,
            memory=parts.chronicle.memory,
            now_ns=parts.clock.monotonic_ns(),
            limits=specs.fleet.limits,
            under_way=self._crew.under_way(),
            dirty_rate=self._dirty_rates.measured if patient else self._dirty_rates.known,
        )
        busy = self._crew.moving() | self._stuck.keys()
        rest = resting(specs)
        idle = specs.vms.keys() - busy - rest.keys()
        decided = decider.decide(idle)
        self._begin_all(decided, specs)
        for vm, one in decided.items():
            if isinstance(one.decision, UpToDate):
                parts.chronicle.memory.setbacks.pop(vm, None)
        statuses: dict[str, Status] = {vm: one.decision for vm, one in decided.items()}
        for vm, silent in self._silences.now().items():
            if isinstance(statuses.get(vm), UpToDate) and _runs(snapshot, vm):
                statuses[vm] = silent
        return statuses | rest | self._stuck | self._crew.statuses()

    def _begin_all(self, decided: Mapping[str, Decided], specs: Specs) -> None:
        planned = {vm: one for vm, one in decided.items() if isinstance(one.decision, Plan)}
        if not planned or self._parts.stop.is_set() or not self._parts.chronicle.takes_files():
            return
        for vm, one in planned.items():
            self._begin(vm, one, specs)

    def _begin(self, vm: str, decided: Decided, specs: Specs) -> None:
        plan, detail = decided.decision, decided.detail
        if not isinstance(plan, Plan) or detail is None:
            raise AssertionError("only a plan is begun")
        parts = self._parts
        spec = specs.vms[vm]
        setback = parts.chronicle.memory.setback(spec)
        order = Order(
            id=migration_id(parts.clock.now(), vm, secrets.randbits(16)),
            plan=plan,
            spec=spec,
            vm=detail,
            source=specs.hosts[plan.source],
            destination=specs.hosts[plan.destination],
            cause=CauseRecord(
                kind=plan.cause,
                revision=specs.revision.id,
                author=specs.revision.author,
                subject=specs.revision.subject,
            ),
            attempt=setback.failures + 1 if setback else 1,
            settle_ms=specs.fleet.settle_ms,
        )
        services = self._services(plan.source, plan.destination)
        parts.events.begun(plan)
        way = Way(vm=vm, source=plan.source, destination=plan.destination)
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

    def _take_up(self, specs: Specs) -> None:
        """Bring what an earlier daemon began to its end; a move whose host left the specs stays open."""
        open_moves = self._parts.chronicle.open_moves()
        self._taken_up = True
        for vm in self._parts.chronicle.damaged_moves():
            self._stuck[vm] = _held(
                vm,
                "its journal entry cannot be read",
                "See whether and where it runs (virsh list --all on both hosts); leave one definition, delete the "
                "entry under journal/ in the state folder, and restart ferryman.",
            )
        for entry in open_moves:
            gone = {entry.source, entry.destination} - specs.hosts.keys()
            if gone:
                reason = f"its move {entry.source} -> {entry.destination} is open; {' and '.join(gone)} left the specs"
                self._stuck[entry.vm] = _held(entry.vm, reason, "Bring the host's spec back and restart ferryman.")
            else:
                self._take_up_one(entry)

    def _take_up_one(self, entry: JournalEntry) -> None:
        services = self._services(entry.source, entry.destination)
        self._parts.events.taken_up(entry)
        way = Way(vm=entry.vm, source=entry.source, destination=entry.destination)
        move = UnderWay(way=way, memory_mib=_UNMEASURED_MEMORY_MIB)
        status = InFlight(
            vm=entry.vm,
            source=entry.source,
            destination=entry.destination,
            method=entry.method,
            why=entry.why,
            revision=entry.cause.revision,
        )
        self._crew.begin(move, status, lambda: take_up(entry, services))

    def _finish(self, finished: Finished, specs: Specs) -> None:
        parts, vm = self._parts, finished.move.way.vm
        if finished.bug is not None:
            parts.events.bug(vm, finished.bug)
            reason = f"ferryman failed in moving it: {finished.bug!r}"
            self._stuck[vm] = _held(vm, reason, "Report the fault; restart ferryman to go on.")
        if finished.record is None:
            return
        self._remember(finished.record, finished.move.spec or specs.vms.get(vm), specs.fleet.retry)
        parts.chronicle.record(finished.record)
        self._silences.ended(finished.record)
        parts.events.ended(finished.record)

    def _remember(self, record: MigrationRecord, towards: VmSpec | None, retry: RetrySpec) -> None:
        memory = self._parts.chronicle.memory
        before = memory.setback(towards) if towards else None
        memory.setbacks.pop(record.vm, None)
        if record.outcome is Outcome.SUCCEEDED or towards is None:
            return
        failures = before.failures + 1 if before else 1
        delay_ns = int(delay_s(failures, retry) * _NS_PER_S)
        memory.setbacks[record.vm] = Setback(
            towards=towards,
            failures=failures,
            retry_at_ns=self._parts.clock.monotonic_ns() + delay_ns,
            reason=record.reason,
            remedy=record.remedy,
        )

    def _services(self, source: str, destination: str) -> Services:
        parts = self._parts
        return Services(
            ends=Ends(source=parts.view.host(source), destination=parts.view.host(destination)),
            journal=parts.chronicle.journal,
            clock=parts.clock,
            stop=parts.stop,
            show=parts.show,
            work=parts.work,
        )

    def _busy(self) -> frozenset[str]:
        ways = [move.way for move in self._crew.under_way()]
        return frozenset(host for way in ways for host in (way.source, way.destination))


def _runs(snapshot: Snapshot, vm: str) -> bool:
    return any(domain.power is Power.RUNNING for domain in snapshot.holders(vm).values())


def _held(vm: str, reason: str, remedy: str) -> Refused:
    finding = Finding(code=FindingCode.HELD, severity=Severity.BLOCKER, reason=reason, remedy=remedy)
    return Refused(vm=vm, reason=StallReason.HELD, findings=(finding,))
