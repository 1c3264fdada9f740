"""One attempt from its journal entry to its audit record."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from ferryman.downtime.values import Measurement
from ferryman.downtime.vantage import Vantage, vantage_of
from ferryman.fleet.errors import FleetError
from ferryman.fleet.migrating import Job, LiveMigration, MemoryTransfer
from ferryman.fleet.ownership import Identity
from ferryman.fleet.values import DomainDetail
from ferryman.migration import cold, drives, live, tagging, volumes
from ferryman.migration.announcing import may_announce
from ferryman.migration.clearing import NOTHING_CLEARED, Cleared, clear_source
from ferryman.migration.clock import Clock, is_same_boot
from ferryman.migration.move import DiskProgress, Ends, LeftRunningError, Move
from ferryman.migration.progress import progress
from ferryman.migration.reaching import announce_until_answered
from ferryman.migration.recording import Facts, record_of
from ferryman.migration.settling import Ending, settle
from ferryman.migration.witness import Testimony, Witness
from ferryman.migration.working import THREADS, Work
from ferryman.planning.links import bandwidth_cap_mib_s
from ferryman.planning.plans import DiskImage, ImageCopy, Plan
from ferryman.records.audit_records import CauseRecord, MigrationRecord, Outcome, VolumeAt
from ferryman.records.journal import Journal
from ferryman.records.journal_entry import JournalEntry, Step, Watched
from ferryman.records.live import Progress
from ferryman.records.samples import ProbedMove
from ferryman.specs.choices import Method, OnStall, SourceDisks
from ferryman.specs.host_spec import HostSpec
from ferryman.specs.vm_spec import VmSpec

_LIVE_PATIENCE_S = 30.0
_BOOT_PATIENCE_S = 180.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Everything that an attempt needs to know."""

    id: str
    plan: Plan
    spec: VmSpec
    vm: DomainDetail
    source: HostSpec
    destination: HostSpec
    cause: CauseRecord
    attempt: int
    settle_ms: int
    prober: HostSpec | None = None
    """The host that probes; None: this machine."""


KeepSamples = Callable[[ProbedMove], None]


def keep_none(_move: ProbedMove) -> None:
    """Nobody else wants to know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What an attempt works with."""

    ends: Ends
    journal: Journal
    clock: Clock
    stop: threading.Event
    show: Callable[[Progress], None]
    me: Identity | None = None
    """What VMs are tagged with while they move; None: they are not."""
    work: Work = THREADS
    vantage: Callable[[HostSpec | None], Vantage] = vantage_of
    """Where to probe from."""
    keep_samples: KeepSamples = keep_none
    """Where a move's probes are kept for others to see."""


def carry_out(order: Order, services: Services) -> MigrationRecord | None:
    """Move the VM. None: the daemon stopped first, or a host fell silent; the journal keeps the move open."""
    probe, addresses, vantage = order.spec.probe, order.vm.addresses, services.vantage(order.prober)
    with Witness.begin(probe, addresses, vantage, services.clock, running=order.plan.running) as witness:
        return _witnessed(order, services, witness)


def _witnessed(order: Order, services: Services, witness: Witness) -> MigrationRecord | None:
    plan = order.plan
    entry = _entry(order, services.clock.now())
    move = _move(entry, services, witness)
    failure: FleetError | None = None
    begun_ms: float | None = None
    try:
        move.advance(Step.PREPARING)
        tagging.claim(move)
        ready = _prepare(order, move, witness)
        tagging.require_ours(move)
        move.undisturbed_until_ns = services.clock.monotonic_ns()
        begun_ms = move.elapsed_ms()
        _transfer(order, move, ready)
    except LeftRunningError:
        return None
    except FleetError as error:
        failure = error
    ending = settle(move, failure)
    total_ms = move.elapsed_ms()
    if ending.outcome is None:
        return None
    testimony = _testimony(move, witness, ending, announce=order.spec.probe.announce, settle_ms=order.settle_ms)
    tagging.release(move, ending.outcome)
    _keep_samples(move, services, witness, testimony.measurement)
    cleared = _cleared(order, move, ending, testimony.measurement)
    return _record(move, ending, testimony, Facts(begun_ms=begun_ms, total_ms=total_ms, plan=plan, cleared=cleared))


def _testimony(move: Move, witness: Witness, ending: Ending, *, announce: bool, settle_ms: int) -> Testimony:
    """What the VM's users felt, once its service answers again; a guest that arrived and is silent is announced."""
    move.report("waiting for the service to answer", None)
    arrived = ending.outcome is Outcome.SUCCEEDED
    if may_announce(move.entry.method, arrived=arrived, allowed=announce):
        announce_until_answered(move, witness.hears_nothing_for)
    return witness.conclude(
        undisturbed_until_ns=move.undisturbed_until_ns,
        settle_ms=settle_ms,
        patience_s=_patience_s(move.entry.method, ending),
    )


def _keep_samples(move: Move, services: Services, witness: Witness, measurement: Measurement) -> None:
    probed = ProbedMove(
        id=move.entry.id,
        started_ns=move.started_ns,
        samples=witness.samples(),
        in_time_ms=measurement.in_time_ms,
    )
    services.keep_samples(probed)


def _cleared(order: Order, move: Move, ending: Ending, measurement: Measurement) -> Cleared:
    """The source's disks go last of all, and only where the spec says so."""
    if ending.outcome is not Outcome.SUCCEEDED or order.spec.storage.source_disks is not SourceDisks.DELETE:
        return NOTHING_CLEARED
    move.report("deleting the source's disks", None)
    return clear_source(move, order.plan, measurement)


def take_up(entry: JournalEntry, services: Services, prober: HostSpec | None = None) -> MigrationRecord | None:
    """Bring a move that was interrupted, by the daemon's end or a host's silence, to its end. None as `carry_out`.

    `prober` is the host that the entry says probes, as the specs have it now.
    """
    watched, clock = entry.watched, services.clock
    with Witness.resume(entry, services.vantage(prober), clock) as witness:
        move = _move(entry, services, witness)
        if watched and watched.answers and is_same_boot(entry.started_at, watched.started_ns, clock):
            move.started_ns = watched.started_ns
            move.undisturbed_until_ns = watched.answers[-1].sent_ns + 1
        ending = settle(move, None)
        if ending.outcome is None:
            return None
        total_ms = move.elapsed_ms()
        testimony = _testimony(
            move,
            witness,
            ending,
            announce=watched is not None and watched.announce,
            settle_ms=watched.settle_ms if watched else 0,
        )
        tagging.release(move, ending.outcome)
        _keep_samples(move, services, witness, testimony.measurement)
        return _record(move, ending, testimony, Facts(total_ms=total_ms, recovered=True))


def _prepare(order: Order, move: Move, witness: Witness) -> volumes.Ready:
    with move.phase("preparing"):
        drives.eject(move, order.plan.adaptation.emptied_drives)
        ready = volumes.prepare(move, order.plan.disks, as_bytes=_image_copy(order.plan) is ImageCopy.STREAM)
        witness.baseline()
        move.watches(_watched(order, move, witness))
    return ready


def _watched(order: Order, move: Move, witness: Witness) -> Watched | None:
    target, answers = witness.target, witness.answers()
    if target is None or not answers:
        return None
    return Watched(
        address=target.address,
        port=target.port,
        interval_ms=target.interval_ms,
        prober=order.prober.name if order.prober else "",
        settle_ms=order.settle_ms,
        announce=order.spec.probe.announce,
        started_ns=move.started_ns,
        answers=answers,
    )


def _transfer(order: Order, move: Move, ready: volumes.Ready) -> None:
    plan = order.plan
    if plan.method is Method.COLD:
        cold.transfer(move, _cold_move(order, ready))
        return
    with move.phase("migrating"):
        live.transfer(
            move,
            _request(order, ready),
        )


def _image_copy(plan: Plan) -> ImageCopy | None:
    return plan.image_copy if plan.method is Method.COLD else None


def _cold_move(order: Order, ready: volumes.Ready) -> cold.ColdMove:
    address = order.destination.effective_migration_address
    return cold.ColdMove(
        vm=order.vm,
        disks=order.plan.disks,
        ready=ready,
        adaptation=volumes.adaptation(order.plan, ready),
        spec=order.spec.cold,
        way=order.plan.image_copy,
        address=address,
        tls_name=(order.plan.tls_name or address) if order.plan.encrypted else "",
        bandwidth_mib_s=bandwidth_cap_mib_s(order.source, order.destination),
    )


def _request(order: Order, ready: volumes.Ready) -> LiveMigration:
    plan, spec = order.plan, order.spec
    memory = _memory_transfer(order)
    return LiveMigration(
        vm=plan.vm,
        peer_uri=order.destination.effective_peer_uri,
        data_uri=f"tcp://{order.destination.effective_migration_address}",
        copied_disks=tuple(disk.target for disk in volumes.copied(plan.disks)),
        adaptation=volumes.adaptation(plan, ready),
        bandwidth_mib_s=bandwidth_cap_mib_s(order.source, order.destination),
        memory=memory,
        tls=plan.encrypted,
        tls_name=plan.tls_name,
        layers_only=any(disk.image is DiskImage.LAYER for disk in plan.disks),
        # QEMU before 10.1 loses a guest that uses several connections and then switches to post-copy.
        connections=1 if memory is MemoryTransfer.POST_COPY else spec.live.connections,
        auto_converge=spec.live.auto_converge,
    )


def _memory_transfer(order: Order) -> MemoryTransfer:
    if order.plan.method is Method.PAUSED:
        return MemoryTransfer.PAUSED
    switches = order.plan.method is Method.POST_COPY or order.spec.on_stall is OnStall.POST_COPY
    return MemoryTransfer.POST_COPY if switches else MemoryTransfer.PRE_COPY


def _patience_s(method: Method, ending: Ending) -> float:
    boots = method is Method.COLD and ending.outcome is Outcome.SUCCEEDED
    return _BOOT_PATIENCE_S if boots else _LIVE_PATIENCE_S


def _entry(order: Order, started_at: datetime) -> JournalEntry:
    plan = order.plan
    return JournalEntry(
        id=order.id,
        vm=plan.vm,
        uuid=plan.uuid,
        source=plan.source,
        destination=plan.destination,
        method=plan.method,
        running=plan.running,
        step=Step.PREPARING,
        why=plan.why,
        cause=order.cause,
        attempt=order.attempt,
        started_at=started_at,
        max_downtime_ms=order.spec.max_downtime_ms,
        autostart=plan.autostart,
        switch_over=plan.switch_over,
        image_copy=_image_copy(plan),
        dirty_bytes_s=plan.dirty_bytes_s,
        on_stall=OnStall.POST_COPY if plan.method is Method.POST_COPY else order.spec.on_stall,
        home=plan.home,
        encrypted=plan.encrypted,
        plain_because=plan.plain_because,
        source_volumes=tuple(
            VolumeAt(host=plan.source, pool=disk.source.ref.pool, name=disk.source.ref.name, path=disk.source.path)
            for disk in volumes.copied(plan.disks)
        ),
    )


def _move(entry: JournalEntry, services: Services, witness: Witness) -> Move:
    def tell(phase: str, work: Job | DiskProgress | None) -> None:
        services.show(progress(entry, phase, work, witness.view(), services.clock.now()))
        if entry.method is Method.COLD:
            tagging.renew(move)

    move = Move(
        entry=entry,
        ends=services.ends,
        journal=services.journal,
        clock=services.clock,
        stop=services.stop,
        tell=tell,
        me=services.me,
        work=services.work,
        started_ns=services.clock.monotonic_ns(),
    )
    return move


def _record(move: Move, ending: Ending, testimony: Testimony, facts: Facts) -> MigrationRecord:
    job: Job | None = None
    if ending.outcome is Outcome.SUCCEEDED and move.entry.method is not Method.COLD:
        try:
            job = move.ends.destination.migrations.completed_job(move.entry.vm)
        except FleetError:
            job = None  # the hypervisor's own figures are told where they can be had
    return record_of(move, ending, testimony, job, facts)
