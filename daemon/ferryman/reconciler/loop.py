"""The loop. Level-triggered: every wake-up means only "look", and everything is decided afresh."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ferryman.fleet.fact_book import REFRESHED_AFTER_S
from ferryman.fleet.ownership import Claim, claim_of
from ferryman.fleet.values import Power, Snapshot
from ferryman.planning.decisions import Decision, Refused, UpToDate, Wait, WaitReason
from ferryman.planning.plans import Plan
from ferryman.planning.waiting import observing_only
from ferryman.reconciler.deciding import Decider, resting
from ferryman.reconciler.dirty_rates import DirtyRates, to_watch
from ferryman.reconciler.moves import Moves
from ferryman.reconciler.obeying import owing
from ferryman.reconciler.parts import Parts
from ferryman.reconciler.sweeping import Sweeper
from ferryman.records.lease.rules import Observing
from ferryman.records.state.conditions import Status
from ferryman.specs.loading import Specs

_NS_PER_S = 1_000_000_000
_MISSING_HOST_S = 5.0
"""A host that comes back is found so soon."""
_FACTS_OF_STUCK_S = 20.0
"""Somebody may have mended what a VM was refused for, or broken what its move has failed of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one pass found; what `run --once` goes by."""

    statuses: Mapping[str, Status]
    moving: frozenset[str]


class Reconciler:
    """Looks, decides, begins what may begin, writes down what is so. Used from one thread."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._moves = Moves(parts)
        self._dirty_rates = DirtyRates(parts.clock, parts.keep_rate)
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
        self._moves.collect(specs)
        parts.progress()
        snapshot = parts.view.look()
        parts.progress()
        self._host_is_missing = bool(snapshot.unreachable())
        observing = parts.observing()
        if observing is not None:
            parts.events.trouble(f"observing only: {observing.reason}", observing.remedy)
        moves = self._moves
        waiting = moves.take_up(specs, snapshot) if observing is None else moves.leave(observing)
        if observing is None:
            self._sweeper.look(parts.chronicle.journal.markers, specs.hosts.keys() - snapshot.unreachable().keys())
        statuses = self._decide_and_begin(specs, snapshot, waiting, observing, patient=patient)
        if not patient and observing is None:
            self._dirty_rates.want(to_watch(specs, snapshot, self._moves.busy(), parts.view.host))
        parts.progress()
        parts.chronicle.observe(specs, snapshot, statuses, self._moves.busy())
        if not self._moves.moving():
            stuck = any(_is_stuck(status) for status in statuses.values())
            parts.view.refresh_facts(_FACTS_OF_STUCK_S if stuck else REFRESHED_AFTER_S)
        return Look(statuses=statuses, moving=self._moves.moving())

    def close(self, patience_s: float) -> None:
        """Let moves end that can be taken back or are nearly through; the journal keeps the rest open."""
        self._dirty_rates.close()
        self._moves.close(patience_s, self._parts.wanted.specs)

    def next_retry_s(self) -> float | None:
        """How long until a failed move or an unreachable host is tried again; None: nothing waits for that."""
        now = self._parts.clock.monotonic_ns()
        due = [setback.retry_at_ns for setback in self._parts.chronicle.memory.setbacks.values()]
        due += self._moves.next_look_ns()
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
            under_way=self._moves.under_way(),
            owing=owing(parts.chronicle.journal.asked.entries(), parts.clock.now()),
            dirty_rate=self._dirty_rates.measured if patient else self._dirty_rates.known,
            progress=parts.progress,
        )
        busy = self._moves.moving() | waiting.keys()
        rest = resting(specs)
        idle = specs.vms.keys() - busy - rest.keys()
        decided = decider.decide(idle)
        if observing is None:
            self._moves.begin_all(decided, specs)
        for vm, one in decided.items():
            if isinstance(one.decision, UpToDate):
                parts.chronicle.memory.setbacks.pop(vm, None)
        statuses: dict[str, Status] = {vm: _said(one.decision, observing) for vm, one in decided.items()}
        for vm, silent in self._moves.silent().items():
            if isinstance(statuses.get(vm), UpToDate) and _runs(snapshot, vm):
                statuses[vm] = silent
        return statuses | rest | dict(waiting) | self._moves.statuses()


def _said(decision: Decision, observing: Observing | None) -> Decision:
    """A plan that is not carried out is none."""
    if observing is None or not isinstance(decision, Plan):
        return decision
    return observing_only(decision.vm, observing.reason, observing.remedy)


def _runs(snapshot: Snapshot, vm: str) -> bool:
    return any(domain.power is Power.RUNNING for domain in snapshot.holders(vm).values())


def _is_stuck(status: Status) -> bool:
    return isinstance(status, Refused) or (isinstance(status, Wait) and status.reason is WaitReason.RETRY)
