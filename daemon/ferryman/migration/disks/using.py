"""Right before a volume's content goes: that no VM has a disk on it, at the destination or at the source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ferryman.fleet.errors import FailureKind, OperationFailedError
from ferryman.fleet.hypervisor import Hypervisor
from ferryman.fleet.storage import Volume, VolumeRef
from ferryman.fleet.usage import users
from ferryman.migration.disks.apart import Likeness, likeness
from ferryman.migration.disks.sharing import compared
from ferryman.migration.errors import MoveFailedError
from ferryman.migration.move import Move
from ferryman.planning.plans import DiskPlan


def require_unused(move: Move, disk: DiskPlan) -> None:
    """Asked last of all: a VM may have been defined on it since the move was planned. Raises FleetError."""
    ref, destination, source = disk.destination, move.ends.destination, move.ends.source
    volume = destination.volumes.find(ref)
    if volume is not None:
        _refuse(disk, destination, ref, users(volume, destination.domains.disk_paths()))
    # A leftover was proved to lie on storage of its own before.
    for seen in _seen_from_source(move, disk) if disk.overwrites else ():
        _refuse(disk, source, seen.ref, users(seen, source.domains.disk_paths()))


def _seen_from_source(move: Move, disk: DiskPlan) -> Iterator[Volume]:
    """The very same volume as the source has it: on shared storage it may be a disk of a VM there, this one's too."""
    for pool in dict.fromkeys((disk.source.ref.pool, disk.destination.pool)):
        found = _find(move.ends.source, VolumeRef(pool=pool, name=disk.destination.name))
        if found is not None and compared(move, disk, likeness, pool) is Likeness.SAME:
            yield found


def _find(host: Hypervisor, ref: VolumeRef) -> Volume | None:
    try:
        return host.volumes.find(ref)
    except OperationFailedError as error:
        if error.kind is FailureKind.NOT_FOUND:
            return None  # no such pool
        raise


def _refuse(disk: DiskPlan, host: Hypervisor, ref: VolumeRef, by: Sequence[str]) -> None:
    if by:
        raise MoveFailedError(
            f"{disk.target}: {ref.pool}/{ref.name} on {host.name} is a disk of {', '.join(by)}: it is neither "
            "overwritten nor deleted",
            f"See it there: virsh domblklist {by[0]} (on {host.name}). Give {by[0]} another disk, or name "
            "another pool or volume in its spec: [storage] pools, overwrite.",
        )
