"""A destination's volumes: made ready for the disks, taken away again if the move fails."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ferryman.fleet.errors import FailureKind, FleetError, OperationFailedError
from ferryman.fleet.storage import Volume, VolumeRef
from ferryman.fleet.xml.adapting import Adaptation, DiskSource, SourceKind
from ferryman.migration.disks.apart import Likeness, tried_out
from ferryman.migration.disks.sharing import compared
from ferryman.migration.disks.using import require_unused
from ferryman.migration.errors import MoveFailedError
from ferryman.migration.move import Move
from ferryman.planning.plans import DiskPlan, DiskTransfer, Plan
from ferryman.records.audit.record import VolumeAt

Ready = dict[str, Volume]
"""Target -> the volume that stands ready at the destination."""


def copied(disks: Sequence[DiskPlan]) -> tuple[DiskPlan, ...]:
    """The disks whose content moves."""
    return tuple(disk for disk in disks if disk.transfer is DiskTransfer.COPY)


def prepare(move: Move, disks: Sequence[DiskPlan], *, as_bytes: bool) -> Ready:
    """Have a volume for every copied disk, new and empty but where one is to be overwritten; target -> volume.

    `as_bytes`: the volume takes the source file's bytes as they are, so it is created raw, as long as that file and
    all zero: holes of the source must not show what a fresh qcow2 header would leave there.
    """
    ready: Ready = {}
    for disk in copied(disks):
        if disk.overwrites:
            ready[disk.target] = _standing(move, disk)
            require_unused(move, disk)
            continue
        if disk.replaces_leftover:
            _require_apart(move, disk)
            require_unused(move, disk)
            move.ends.destination.volumes.delete(disk.destination)
        ready[disk.target] = _create(move, disk, as_bytes=as_bytes)
    return ready


def _require_apart(move: Move, disk: DiskPlan) -> None:
    """A leftover goes only where the two ends' storage is not one and the same: else it is the VM's very disk."""
    here, there = disk.source.ref.pool, disk.destination.pool
    match compared(move, disk, tried_out, here):
        case Likeness.APART:
            return
        case Likeness.SAME:
            raise MoveFailedError(
                f"{disk.target}: {move.entry.source} and {move.entry.destination} share the storage of {there}, and "
                "what looked like a leftover is the disk itself",
                'Set [storage] mode = "shared" in its spec.',
            )
        case Likeness.UNKNOWN:
            raise MoveFailedError(
                f"{disk.target}: {move.entry.source} takes no new volume in {here}, so it cannot be proved that the "
                f"leftover {disk.destination.name} in {there} on {move.entry.destination} is not the disk itself",
                f"See why, and mend it: virsh vol-create-as {here} try.img 1M (on {move.entry.source}); it is tried "
                "again.",
            )


def _standing(move: Move, disk: DiskPlan) -> Volume:
    """The volume whose content the spec gives up."""
    found = move.ends.destination.volumes.find(disk.destination, closely=True)
    if found is None:
        raise MoveFailedError(
            f"{disk.target}: {disk.destination.pool}/{disk.destination.name}, which was to be overwritten, is gone "
            f"from {move.entry.destination}",
            "Make it there anew, or correct [storage] overwrite in its spec.",
        )
    return found


def _create(move: Move, disk: DiskPlan, *, as_bytes: bool) -> Volume:
    """One volume, named as ours before it exists, and only if it was not there before: undoing deletes it."""
    volumes, ours = move.ends.destination.volumes, _at(move, disk.destination)
    if volumes.find(disk.destination) is not None:
        raise MoveFailedError(
            f"{disk.target}: {ours.host} has a volume {ours.pool}/{ours.name} already, which was not there before",
            f"Look whose it is, and rename it; if {ours.host} sees the source's own storage there, "
            'set [storage] mode = "shared".',
        )
    move.intent.owns(ours)
    try:
        return volumes.create(
            disk.destination,
            format="raw" if as_bytes else disk.format,
            capacity_bytes=disk.source.physical_bytes if as_bytes else disk.source.capacity_bytes,
            over=disk.over,
        )
    except OperationFailedError as error:
        # The host said no, and may have created it all the same; so may one that fell silent.
        if error.kind is FailureKind.EXISTS or volumes.find(disk.destination) is None:
            move.intent.disowns(ours)
        raise


def adaptation(plan: Plan, ready: Ready) -> Adaptation:
    """What was planned, with the copied disks where they really are at the destination."""
    planned = plan.adaptation.disks
    arrived = {
        disk.target: _there(disk, ready[disk.target])
        for disk in copied(plan.disks)
        if disk.target in planned or _there(disk, ready[disk.target]) != _there(disk, disk.source, disk.source.format)
    }
    return replace(plan.adaptation, disks={**planned, **arrived})


def _there(disk: DiskPlan, volume: Volume, image_format: str | None = None) -> DiskSource:
    kind = SourceKind.BLOCK if volume.block else SourceKind.FILE
    return DiskSource(kind=kind, path=volume.path, format=image_format or disk.format)


def remove_created(move: Move) -> None:
    """Delete the volumes that this attempt created, and no others; one that stays keeps none of the others.

    Raises FleetError: what the first one failed of that stays.
    """
    trouble: FleetError | None = None
    for volume in move.not_removed:
        try:
            move.ends.destination.volumes.delete(VolumeRef(pool=volume.pool, name=volume.name))
            move.removed.add(volume)
        except OperationFailedError as error:
            trouble = trouble or error
    if trouble is not None:
        raise trouble


def _at(move: Move, ref: VolumeRef) -> VolumeAt:
    return VolumeAt(host=move.entry.destination, pool=ref.pool, name=ref.name)
