"""One leg, the users' own way: decided, journalled, moved, measured and recorded as every other move."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from ferryman.benching.values import Leg
from ferryman.fleet.observing import FleetView
from ferryman.fleet.ownership import Identity, claim_of
from ferryman.fleet.values import Power
from ferryman.migration.attempt import KeepSamples, Services, carry_out, take_up
from ferryman.migration.clock import Clock
from ferryman.migration.host_pair import ends_of
from ferryman.planning.aiming import locate
from ferryman.planning.decisions import Drifted, Refused, UpToDate, Wait, WaitReason
from ferryman.planning.placement import Place
from ferryman.planning.plans import Cause, Plan
from ferryman.reconciler.chronicle import Chronicle
from ferryman.reconciler.deciding import Decided, Decider
from ferryman.reconciler.obeying import owing
from ferryman.reconciler.ordering import order_of
from ferryman.reconciler.unfinished import obstacle
from ferryman.records.audit.record import MigrationRecord
from ferryman.records.journal.entry import JournalEntry
from ferryman.records.progress_files import Progress
from ferryman.records.state.conditions import joined
from ferryman.specs.choices import DriftPolicy, SourceDisks
from ferryman.specs.loading import Specs
from ferryman.specs.vm_spec import VmSpec


class BenchError(Exception):
    """The run cannot go on. What was measured is kept; `--resume` goes on from there."""

    def __init__(self, reason: str, remedy: str) -> None:
        """Both are sentences for people."""
        super().__init__(f"{reason} {remedy}")
        self.reason = reason
        self.remedy = remedy


class NotNowError(BenchError):
    """It may pass by itself: a host that does not answer, a VM that changes. Nothing was begun."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mover:
    """Moves one VM of the specs; nothing is done to any other."""

    specs: Specs
    view: FleetView
    chronicle: Chronicle
    clock: Clock
    stop: threading.Event
    show: Callable[[Progress], None]
    keep_samples: KeepSamples
    """Where a move's probes are kept for the report."""
    me: Identity
    """What the VM is tagged with while it moves."""

    def whereabouts(self, vm: str) -> str:
        """The host that the VM runs on. Raises BenchError where it runs on none, or on several."""
        found = locate(vm, self.view.look())
        if not isinstance(found, Place):
            raise _stuck(vm, found)
        if found.domain.power is not Power.RUNNING:
            raise BenchError(f"{vm} is shut off: there is no downtime to measure.", f"Start it: virsh start {vm}")
        return found.host

    def move(self, vm: str, leg: Leg, record_id: str, why: str) -> MigrationRecord | None:
        """Carry out a leg. None: stopped on the way, and the journal keeps the move open. Raises BenchError."""
        specs = replace(self.specs, vms={**self.specs.vms, vm: benched(self.specs.vms[vm], leg)})
        decided = self._decided(vm, specs)
        plan = decided.decision
        if not isinstance(plan, Plan):
            raise _stuck(vm, plan)
        if plan.destination != leg.destination:
            raise BenchError(
                f"{vm} cannot go to {leg.destination}, which is in maintenance.", "Bench it between two other hosts."
            )
        if not self.chronicle.takes_files():
            raise BenchError("The state folder takes no files.", "Make room, or see to its permissions.")
        ours = replace(decided, decision=replace(plan, cause=Cause.BENCH, why=why))
        record = carry_out(order_of(ours, specs, record_id, attempt=1), self._services(plan.source, plan.destination))
        return self._written_down(record)

    def end_open_move(self, entry: JournalEntry) -> MigrationRecord | None:
        """Bring a move that was broken off to its end."""
        against = obstacle(entry, self.specs.hosts, self.view.look())
        if against is not None:
            raise _stuck(entry.vm, against)
        prober = self.specs.hosts.get(entry.watched.prober) if entry.watched else None
        return self._written_down(take_up(entry, self._services(entry.source, entry.destination), prober))

    def _written_down(self, record: MigrationRecord | None) -> MigrationRecord | None:
        if record is not None:
            self.chronicle.record(record)
            self.chronicle.conclude()
        return record

    def _decided(self, vm: str, specs: Specs) -> Decided:
        decider = Decider(
            specs=specs,
            view=self.view,
            snapshot=self.view.look(),
            memory=self.chronicle.memory,
            now_ns=self.clock.monotonic_ns(),
            claim=lambda owner: claim_of(owner, self.me, self.clock.now()),
            limits=None,  # nothing else moves: the state folder is locked
            owing=owing(self.chronicle.journal.asked.entries(), self.clock.now()),
        )
        return decider.decide([vm])[vm]

    def _services(self, source: str, destination: str) -> Services:
        return Services(
            ends=ends_of(self.view, source, destination),
            journal=self.chronicle.journal,
            clock=self.clock,
            stop=self.stop,
            show=self.show,
            me=self.me,
            keep_samples=self.keep_samples,
        )


def benched(spec: VmSpec, leg: Leg) -> VmSpec:
    """The VM's spec as a leg wants it: host and method, no promise to keep, and nothing left behind at the source.

    Pools are mapped both ways, for the way back. Where a disk overwrites a standing volume, the source's volume stays:
    the way back overwrites it in turn.
    """
    storage = spec.storage
    pools = {there: here for here, there in storage.pools.items()} | storage.pools
    source_disks = SourceDisks.KEEP if storage.overwrite else SourceDisks.DELETE
    return spec.model_copy(
        update={
            "host": leg.destination,
            "method": leg.method,
            "max_downtime_ms": None,
            "drift": DriftPolicy.CORRECT,
            "storage": storage.model_copy(update={"pools": pools, "source_disks": source_disks}),
        }
    )


def _stuck(vm: str, decision: Refused | Wait | Drifted | UpToDate | Plan) -> BenchError:
    match decision:
        case Refused():
            return BenchError(
                f"{vm}: {joined([finding.reason for finding in decision.findings])}",
                joined([finding.remedy for finding in decision.findings]),
            )
        case Wait() if decision.reason is WaitReason.MIGRATING_ELSEWHERE:
            return BenchError(f"{vm}: {decision.message}", decision.remedy or "Bench it when that has ended.")
        case Wait():
            return NotNowError(f"{vm}: {decision.message}", decision.remedy or "Try again in a moment.")
        case _:
            return BenchError(f"{vm} was moved by somebody else meanwhile.", "Begin again, or go on with --resume.")
