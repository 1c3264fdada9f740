"""The source's copies of the disks after a move that went well: deleted where the spec says so, last of all."""

from __future__ import annotations

from dataclasses import dataclass

from ferryman.downtime.values import Measurement, MeasurementStatus
from ferryman.fleet.errors import FleetError
from ferryman.fleet.usage import users
from ferryman.migration.disks.apart import lie_apart
from ferryman.migration.move import Move
from ferryman.planning.plans import DiskPlan, DiskTransfer, Plan
from ferryman.records.audit.record import VolumeAt
from ferryman.records.errors import StateUnwritableError

_LEFT_FOR_GC = "it stays until `ferryman gc`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleared:
    """What became of the source's copies."""

    deleted: tuple[VolumeAt, ...] = ()
    warnings: tuple[str, ...] = ()
    """Why others stay."""


NOTHING_CLEARED = Cleared()


def clear_source(move: Move, plan: Plan, measurement: Measurement) -> Cleared:
    """Delete the copied disks' volumes at the source; what stands against that is a warning, and the volume stays.

    Only after the guest was seen to answer at the destination, and only volumes that no VM of the source uses and
    whose storage is proved to be another than the destination's.
    """
    copied = [disk for disk in plan.disks if disk.transfer is DiskTransfer.COPY]
    if not copied:
        return NOTHING_CLEARED
    if measurement.status is not MeasurementStatus.MEASURED or measurement.reason:
        kept = ", ".join(disk.target for disk in copied)
        return Cleared(warnings=(f"{kept}: nobody saw the guest answer at {plan.destination}; {_LEFT_FOR_GC}",))
    deleted: list[VolumeAt] = []
    warnings: list[str] = []
    for disk in copied:
        try:
            obstacle = _obstacle(move, disk)
            if obstacle is None:
                move.ends.source.volumes.delete(disk.source.ref)
                deleted.append(_at(move, disk))
        except (FleetError, StateUnwritableError) as error:
            obstacle = error.reason
        if obstacle is not None:
            warnings.append(f"{disk.target}: {obstacle}; {_LEFT_FOR_GC}")
    return Cleared(deleted=tuple(deleted), warnings=tuple(warnings))


def _obstacle(move: Move, disk: DiskPlan) -> str | None:
    source, destination = move.ends.source, move.ends.destination
    by = users(disk.source, source.domains.disk_paths())
    if by:
        return f"{', '.join(by)} at {source.name} uses {disk.source.path}"
    found = source.volumes.find(disk.source.ref)
    if found is None or found.path != disk.source.path:
        return f"{source.name} has another volume {disk.source.ref.pool}/{disk.source.ref.name} now, or none"
    marker = f"{move.entry.id}-{disk.target}.marker"
    if not lie_apart(
        source, disk.source.ref.pool, destination, disk.destination.pool, marker, move.intent.journal.markers
    ):
        return f"{source.name} and {destination.name} may share the storage of {disk.source.ref.pool}"
    return None


def _at(move: Move, disk: DiskPlan) -> VolumeAt:
    ref = disk.source.ref
    return VolumeAt(host=move.entry.source, pool=ref.pool, name=ref.name, path=disk.source.path)
