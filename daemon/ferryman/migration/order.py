"""What an attempt is given, and what follows from it: its journal entry and what it asks for. Decides, does nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ferryman.fleet.migrating import LiveMigration, MemoryTransfer
from ferryman.fleet.values import DomainDetail
from ferryman.migration.cold.transfer import ColdMove
from ferryman.migration.disks import volumes
from ferryman.planning.links import bandwidth_cap_mib_s
from ferryman.planning.modes import ImageCopy
from ferryman.planning.plans import DiskImage, Plan
from ferryman.records.audit.record import CauseRecord, VolumeAt
from ferryman.records.journal.entry import JournalEntry, Step
from ferryman.specs.choices import Method, OnStall
from ferryman.specs.fields import bracketed
from ferryman.specs.host_spec import HostSpec
from ferryman.specs.vm_spec import VmSpec


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


def journal_entry(order: Order, started_at: datetime) -> JournalEntry:
    """The first entry of the attempt, before anything was done."""
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
        driven_by=plan.driven_by,
        driven_because=plan.driven_because,
        image_copy=image_copy(plan),
        dirty=plan.dirty,
        on_stall=OnStall.POST_COPY if plan.method is Method.POST_COPY else order.spec.on_stall,
        home=plan.home,
        source_machine=plan.source_machine,
        destination_machine=plan.destination_machine,
        encrypted=plan.encrypted,
        plain_because=plan.plain_because,
        source_volumes=tuple(
            VolumeAt(host=plan.source, pool=disk.source.ref.pool, name=disk.source.ref.name, path=disk.source.path)
            for disk in volumes.copied(plan.disks)
        ),
    )


def image_copy(plan: Plan) -> ImageCopy | None:
    """How a cold move's disks get there; None: it is not one."""
    return plan.image_copy if plan.method is Method.COLD else None


def cold_move(order: Order, ready: volumes.Ready) -> ColdMove:
    """What a cold move is asked for."""
    address = order.destination.effective_migration_address
    return ColdMove(
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


def live_request(order: Order, ready: volumes.Ready) -> LiveMigration:
    """What the hypervisor is asked for."""
    plan, spec = order.plan, order.spec
    memory = _memory_transfer(order)
    return LiveMigration(
        vm=plan.vm,
        peer_uri=order.destination.effective_peer_uri,
        data_uri=f"tcp://{bracketed(order.destination.effective_migration_address)}",
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
        synchronous_writes=plan.synchronous_writes,
    )


def _memory_transfer(order: Order) -> MemoryTransfer:
    if order.plan.method is Method.PAUSED:
        return MemoryTransfer.PAUSED
    switches = order.plan.method is Method.POST_COPY or order.spec.on_stall is OnStall.POST_COPY
    return MemoryTransfer.POST_COPY if switches else MemoryTransfer.PRE_COPY
