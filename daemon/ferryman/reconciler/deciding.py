"""Every VM's decision at one look: the readings are made here, all judgement is `planning`'s.

The preview (`ferryman plan`) and the daemon call this same code.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from ferryman.fleet.errors import FailureKind, FleetError, HostHangsError, HostUnreachableError, OperationFailedError
from ferryman.fleet.hypervisor import Hypervisor
from ferryman.fleet.observing import FleetView
from ferryman.fleet.ownership import Claim, Owner
from ferryman.fleet.values import DirtyRate, DomainDetail, Power, Snapshot
from ferryman.planning import admission
from ferryman.planning.admission import Route
from ferryman.planning.aiming import Aim, aim
from ferryman.planning.arriving import storage_at
from ferryman.planning.chains import base_paths
from ferryman.planning.decisions import Decision, Drifted, Refused, StallReason, UpToDate, Wait, WaitReason
from ferryman.planning.findings import Finding, FindingCode, Severity
from ferryman.planning.placement import Fleet
from ferryman.planning.planning import merged, plan
from ferryman.planning.plans import Plan
from ferryman.planning.prediction import NOT_MEASURED, DirtyRateUnknown, Knowledge
from ferryman.planning.preflight import ReadEnds
from ferryman.planning.storage import destination_refs, given_up_refs
from ferryman.planning.waiting import invalid, not_now, of_another, powered_off_late
from ferryman.reconciler.memory import Memory
from ferryman.records.state.conditions import Suspended
from ferryman.specs.fleet_spec import FleetLimits
from ferryman.specs.loading import Specs
from ferryman.specs.vm_spec import VmSpec

_SEEN_IN_PASSING = frozenset({StallReason.RUNNING_TWICE, StallReason.ON_TWO_HOSTS, StallReason.NOT_FOUND})
"""So a VM looks that changes hosts between the reading of one and of the other: looked at again before it is told."""

_NO_PROMISE = DirtyRateUnknown(reason="it is measured only where a spec sets max_downtime_ms")


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A VM's decision, and for a plan what it was made from."""

    decision: Decision
    detail: DomainDetail | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderWay:
    """A move that has begun."""

    way: Route
    memory_mib: int
    spec: VmSpec | None = None
    """What it was begun for; None: an earlier daemon began it."""


def resting(specs: Specs) -> dict[str, Refused | Suspended]:
    """The VMs that nothing is decided about: their own spec cannot be used, or says that they are left alone."""
    suspended = {vm: Suspended(vm=vm) for vm, spec in specs.vms.items() if spec.suspend}
    return suspended | {vm: invalid(vm, problems) for vm, problems in specs.stalled.items()}


def _nobody_measures(_vm: str, _host: Hypervisor) -> DirtyRateUnknown:
    return NOT_MEASURED


@dataclass(slots=True, kw_only=True)
class Decider:
    """One look's decisions, VM by VM; each plan takes its share of limits and memory from those after it."""

    specs: Specs
    view: FleetView
    snapshot: Snapshot
    memory: Memory
    now_ns: int
    limits: FleetLimits | None
    """None: a preview, which plans also what would have to wait."""
    under_way: list[UnderWay] = field(default_factory=list)
    patient: bool = False
    """What only commands on the hosts can tell is waited for where it is not known yet, as for a preview."""
    silent: set[str] = field(default_factory=set)
    """Ends of moves that were waited for in vain in this look: other VMs do not wait for them as well."""
    claim: Callable[[Owner | None], Claim]
    """What a VM's tag says about other daemons."""
    dirty_rate: Callable[[str, Hypervisor], DirtyRate | DirtyRateUnknown] = _nobody_measures
    """How fast a VM at a host writes; asked only where its spec makes a promise."""
    owing: Collection[str] = frozenset()
    """VMs that may yet power themselves off because a move that was given up asked them to."""
    progress: Callable[[], None] = lambda: None
    """Told before each close look, which may wait for hosts."""

    def decide(self, vms: Collection[str]) -> dict[str, Decided]:
        """The decisions, in the order in which moves begin: high priority first, then by name."""
        wanted = sorted((self.specs.vms[vm] for vm in vms), key=lambda spec: (-spec.placement.priority, spec.name))
        return {spec.name: self._decide(spec) for spec in wanted}

    def _decide(self, spec: VmSpec) -> Decided:
        aimed = self._aim(spec)
        if isinstance(aimed, Refused) and aimed.reason in _SEEN_IN_PASSING:
            self.snapshot = self.view.look()
            aimed = self._aim(spec)
        if not isinstance(aimed, Aim):
            return Decided(decision=aimed)
        waits = self._held(aimed) or self._setback(spec)
        if waits is not None:
            return Decided(decision=waits)
        return self._plan(aimed, spec)

    def _aim(self, spec: VmSpec) -> Aim | UpToDate | Wait | Refused | Drifted:
        return aim(spec, self._fleet(), self.snapshot, self.memory.placed(spec.name))

    def _plan(self, aimed: Aim, spec: VmSpec) -> Decided:
        """The first destination that has room for one more move and passes preflight."""
        refusals: list[Refused] = []
        waits: list[Wait] = []
        for destination in aimed.destinations:
            way = Route(vm=spec.name, source=aimed.source, destination=destination)
            full = self._full(way)
            if full is not None:
                message = f"{way.source} -> {destination}: {aimed.why}; waits: {full}"
                waits.append(Wait(vm=spec.name, reason=WaitReason.LIMIT, message=message))
                continue
            outcome = self._look_closely(aimed, spec, destination)
            if isinstance(outcome.decision, Plan):
                self.under_way.append(UnderWay(way=way, memory_mib=outcome.decision.memory_mib, spec=spec))
                return outcome
            if isinstance(outcome.decision, Refused):
                refusals.append(outcome.decision)
            elif isinstance(outcome.decision, Wait):
                waits.append(outcome.decision)
        return Decided(decision=waits[0] if waits else merged(refusals))

    def _look_closely(self, aimed: Aim, spec: VmSpec, destination: str) -> Decided:
        """Read both ends for this one move. An end that cannot be read moves nothing."""
        if missed := self.silent & {aimed.source, destination}:
            return Decided(decision=not_now(spec.name, sorted(missed)))
        self.progress()
        try:
            ends = self._read_ends(aimed.source, spec, destination)
        except FleetError as error:
            if isinstance(error, HostHangsError) or _is_busy(error):
                self.silent |= {aimed.source, destination}
            silent = isinstance(error, HostUnreachableError)
            reason = WaitReason.HOST_UNREACHABLE if silent else WaitReason.CHANGING
            return Decided(decision=Wait(vm=spec.name, reason=reason, message=error.reason, remedy=error.remedy))
        if not isinstance(ends, ReadEnds):
            return Decided(decision=ends)
        outcome = plan(
            aimed,
            spec,
            self._fleet(),
            ends,
            self.memory.leftovers_at(destination),
            self._known(spec, ends.vm, aimed.source),
        )
        return Decided(decision=outcome, detail=ends.vm)

    def _read_ends(self, source_name: str, spec: VmSpec, destination: str) -> ReadEnds | Wait | Refused:
        """Both ends as planning wants them; or what stands against it where another daemon moves the VM.

        Raises FleetError.
        """
        source = self.snapshot.reading(source_name)
        if source is None:
            raise AssertionError("a VM was found on a host that was not read")
        detail = self.view.host(source_name).domains.inspect(spec.name)
        others = of_another(detail, source_name, self.claim(detail.owner))
        if others is not None:
            return others
        if spec.name in self.owing and detail.domain.power is not Power.RUNNING:
            return powered_off_late(spec.name, source_name)
        storage = storage_at(spec.storage, self.specs.hosts[destination].arrivals)
        refs, given_up = destination_refs(detail, storage), given_up_refs(detail, storage)
        patiently = self.patient or self.limits is None
        return ReadEnds(
            vm=detail,
            source=source,
            destination=self.view.host(destination).describe(refs, base_paths(detail), given_up),
            fit=self.view.host(destination).fit(detail.needs),
            source_facts=self.view.facts(source_name, patiently=patiently),
            destination_facts=self.view.facts(destination, patiently=patiently),
        )

    def _known(self, spec: VmSpec, vm: DomainDetail, source: str) -> Knowledge:
        """Nobody waits for, or relies on, what is written by a VM that is off or whose spec promises nothing."""
        dirty: DirtyRate | DirtyRateUnknown = NOT_MEASURED
        if spec.max_downtime_ms is None:
            dirty = _NO_PROMISE
        elif vm.domain.power is Power.RUNNING:
            dirty = self.dirty_rate(spec.name, self.view.host(source))
        return Knowledge(history=self.memory.history, dirty=dirty)

    def _full(self, way: Route) -> str | None:
        if self.limits is None:
            return None
        return admission.obstacle(way, [move.way for move in self.under_way], self.specs.hosts, self.limits)

    def _fleet(self) -> Fleet:
        return Fleet(hosts=self.specs.hosts, incoming_mib=_memory(self.under_way), incoming_vms=_vms(self.under_way))

    def _held(self, aimed: Aim) -> Refused | None:
        """A move that a person must decide about is not tried again before somebody has the VM running somewhere."""
        record = self.memory.held.get(aimed.vm)
        if record is None or aimed.domain.power is Power.RUNNING:
            return None
        finding = Finding(
            code=FindingCode.HELD,
            severity=Severity.BLOCKER,
            reason=f"its last move was left for a person to decide: {record.reason}",
            remedy=record.remedy or f"See how it stands: ferryman recover {aimed.vm}",
        )
        return Refused(vm=aimed.vm, reason=StallReason.HELD, findings=(finding,), cause=aimed.cause)

    def _setback(self, spec: VmSpec) -> Wait | None:
        """A changed spec is tried at once; an unchanged one after its delay."""
        setback = self.memory.setback(spec)
        if self.limits is None or setback is None or self.now_ns >= setback.retry_at_ns:
            return None
        message = f"attempt {setback.failures} failed: {setback.reason}; it is tried again"
        return Wait(vm=spec.name, reason=WaitReason.RETRY, message=message, remedy=setback.remedy)


def _memory(moves: Collection[UnderWay]) -> Mapping[str, int]:
    """Memory that is on its way, by destination.

    A live migration's incoming copy may be counted by its host already; counting it twice errs on the safe side.
    """
    incoming: dict[str, int] = {}
    for move in moves:
        incoming[move.way.destination] = incoming.get(move.way.destination, 0) + move.memory_mib
    return incoming


def _vms(moves: Collection[UnderWay]) -> Mapping[str, frozenset[str]]:
    incoming: dict[str, frozenset[str]] = {}
    for move in moves:
        incoming[move.way.destination] = incoming.get(move.way.destination, frozenset()) | {move.way.vm}
    return incoming


def _is_busy(error: FleetError) -> bool:
    return isinstance(error, OperationFailedError) and error.kind is FailureKind.BUSY
