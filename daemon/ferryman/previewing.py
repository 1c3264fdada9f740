"""What the daemon would do now, decided by the same code and with nothing touched; and the fleet, to look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from ferryman.fleet.connecting import connect as libvirt_connect
from ferryman.fleet.hypervisor import Connect, Hypervisor
from ferryman.fleet.observing import FleetView
from ferryman.fleet.ownership import Identity, claim_of
from ferryman.fleet.values import DirtyRate, Snapshot
from ferryman.fleet.xml.adapting import adapted
from ferryman.fleet.xml.showing import Definition, definition
from ferryman.migration.clock import SystemClock
from ferryman.planning.decisions import Decision, Refused, Wait, WaitReason
from ferryman.planning.plans import Plan
from ferryman.planning.prediction import DirtyRateUnknown
from ferryman.reconciler.deciding import Decided, Decider, resting
from ferryman.reconciler.dirty_rates import REFRESH_S, DirtyRates
from ferryman.reconciler.inquiring import left_in
from ferryman.reconciler.memory import Memory
from ferryman.reconciler.obeying import owing
from ferryman.reconciler.unfinished import damaged, obstacle
from ferryman.reconciler.wanting import wanted_in
from ferryman.records.audit import whole as audit
from ferryman.records.identity import read_id
from ferryman.records.journal.entry import JournalEntry
from ferryman.records.journal.journal import Journal
from ferryman.records.rates import read_rates
from ferryman.records.state.conditions import Suspended
from ferryman.records.store import StateStore
from ferryman.specs.loading import Specs
from ferryman.specs.problems import Problem
from ferryman.specs.source import SourceError

_KEPT_RATE = timedelta(seconds=2 * REFRESH_S)
"""The daemon's own dirty rate is gone by for so long; it measures again before that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What the daemon would do now."""

    revision: str
    decisions: dict[str, Decision | Suspended]
    problems: tuple[Problem, ...]
    definitions: Mapping[str, Definition] = field(default_factory=dict)
    """Of the VMs that are to move, without secrets."""


def preview(
    specs_folder: Path, state: Path, connect: Connect = libvirt_connect, tell: Callable[[str], None] = lambda _: None
) -> Preview:
    """Decide as the daemon would, and touch nothing. Reads the state folder where there is one.

    A VM whose spec makes a promise is watched for a second before its move is decided, unless the daemon has done so
    a short time ago; `tell` is told.
    """
    wanted = wanted_in(specs_folder, state)
    wanted.refresh()
    if wanted.specs is None:
        return Preview(revision="", decisions={}, problems=wanted.problems)
    specs = wanted.specs
    view = FleetView(connect, lambda: None)
    try:
        view.configure(specs.hosts)
        decider = Decider(
            specs=specs,
            view=view,
            snapshot=view.look(),
            memory=_memory(state),
            now_ns=0,
            limits=None,
            claim=lambda owner: claim_of(owner, Identity(id=read_id(state), by=""), SystemClock().now()),
            owing=owing(Journal(state).asked.entries(), SystemClock().now()),
            dirty_rate=_watching(state, tell),
        )
        rest = resting(specs)
        moving = _moving(state, specs, decider.snapshot)
        decided = decider.decide(specs.vms.keys() - rest.keys() - moving.keys())
    finally:
        view.close()
    decisions: dict[str, Decision | Suspended] = {vm: one.decision for vm, one in decided.items()}
    under_way = {vm: wait for vm, wait in moving.items() if vm in specs.vms}
    return Preview(
        revision=specs.revision.id,
        decisions=decisions | rest | under_way,
        problems=wanted.problems,
        definitions=_definitions(decided),
    )


@contextmanager
def fleet_view(specs: Path, state: Path, connect: Connect = libvirt_connect) -> Iterator[FleetView]:
    """The hosts of the specs in force, to look at. Raises SourceError where there are none."""
    wanted = wanted_in(specs, state)
    wanted.refresh()
    if wanted.specs is None:
        first = wanted.problems[0]
        raise SourceError(f"no specs are in force: {first.place or specs}: {first.message}", first.remedy)
    view = FleetView(connect, lambda: None)
    try:
        view.configure(wanted.specs.hosts)
        yield view
    finally:
        view.close()


def _definitions(decided: Mapping[str, Decided]) -> dict[str, Definition]:
    return {
        vm: definition(one.detail.xml, adapted(one.detail.xml, one.decision.adaptation))
        for vm, one in decided.items()
        if isinstance(one.decision, Plan) and one.detail is not None
    }


def _watching(state: Path, tell: Callable[[str], None]) -> Callable[[str, Hypervisor], DirtyRate | DirtyRateUnknown]:
    clock = SystemClock()
    oldest = clock.now() - _KEPT_RATE
    kept = {vm: seen.rate for vm, seen in read_rates(state).items() if seen.measured_at > oldest}
    rates = DirtyRates(clock, lambda _vm, _rate: None, kept)

    def measured(vm: str, host: Hypervisor) -> DirtyRate | DirtyRateUnknown:
        if not rates.is_known(vm):
            tell(f"watching for some seconds how fast {vm} writes")
        return rates.measured(vm, host)

    return measured


def _moving(state: Path, specs: Specs, snapshot: Snapshot) -> dict[str, Wait | Refused]:
    """The VMs whose last move did not end, as the daemon says it: between hosts they may look like anything."""
    left = left_in(state)
    said: dict[str, Wait | Refused] = {vm: damaged(vm) for vm in left.moves.damaged}
    for vm, entry in left.moves.open.items():
        against = None if vm in left.moving else obstacle(entry, specs.hosts, snapshot)
        said[vm] = against or _goes_on(entry, at_work=vm in left.moving)
    return said


def _goes_on(entry: JournalEntry, *, at_work: bool) -> Wait:
    way = f"{entry.source} -> {entry.destination}"
    open_still = f"its move {way} is open ({entry.step}), and is taken up by the daemon before anything else"
    return Wait(
        vm=entry.vm,
        reason=WaitReason.MIGRATING_ELSEWHERE,
        message=f"the daemon is moving it {way} ({entry.method})" if at_work else open_still,
    )


def _memory(state: Path) -> Memory:
    if not state.exists():
        return Memory()
    with StateStore.open(state, read_only=True) as store:
        return Memory.of(store.vm_states(), list(audit.records(state)), tuple(audit.removals(state)))
