"""Before memory moves alone: that both hosts really see the disks that stay where they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ferryman.fleet.hypervisor import Hypervisor
from ferryman.migration.disks.apart import Likeness, likeness
from ferryman.migration.errors import MoveFailedError, UnwrittenError
from ferryman.migration.move import Move
from ferryman.planning.plans import DiskPlan, DiskTransfer
from ferryman.records.errors import StateUnwritableError
from ferryman.records.journal.markers import Markers

Comparison = Callable[[Hypervisor, str, Hypervisor, str, str, Markers], Likeness]
"""Of one host's pool with another's, by a marker of this name."""


def require_shared(move: Move, disks: Sequence[DiskPlan]) -> None:
    """A volume of the same name and size may be another: an old copy, say, in a pool over another export.

    Raises MoveFailedError where the pools lie apart, and, where only their looks say that they are shared, also where
    it cannot be proved. FleetError where a host falls silent.
    """
    proved: set[tuple[str, str]] = set()
    for disk in disks:
        pools = (disk.source.ref.pool, disk.destination.pool)
        if disk.transfer is not DiskTransfer.SHARED or pools in proved or not _can_be_tried(disk):
            continue
        proved.add(pools)
        found = compared(move, disk, likeness, disk.source.ref.pool)
        if found is Likeness.APART or (found is Likeness.UNKNOWN and disk.shared_by_looks):
            raise _not_proved(move, disk, found)


def compared(move: Move, disk: DiskPlan, how: Comparison, pool: str) -> Likeness:
    """Whether a pool of the source and the disk's at the destination are one storage. Raises as `how` does."""
    source, destination = move.ends.source, move.ends.destination
    marker = f"{move.entry.id}-{disk.target}.marker"
    try:
        return how(destination, disk.destination.pool, source, pool, marker, move.intent.journal.markers)
    except StateUnwritableError as error:
        raise UnwrittenError(error.reason, error.remedy) from error


def _can_be_tried(disk: DiskPlan) -> bool:
    """Nobody wants a new partition or logical volume in a group of devices whose spec calls them shared."""
    return disk.shared_by_looks or not disk.source.block


def _not_proved(move: Move, disk: DiskPlan, found: Likeness) -> MoveFailedError:
    here, there = move.entry.source, move.entry.destination
    pools = f"{disk.source.ref.pool} on {here} and {disk.destination.pool} on {there}"
    name = disk.destination.name
    if found is Likeness.APART:
        return MoveFailedError(
            f"{disk.target}: {pools} are not the same storage: {name} on {there} is another volume, and its content "
            "would have taken the disk's place",
            f'Have the disk copied: [storage] mode = "copy" in its spec, once it is clear whose {name} on {there} is '
            f"(virsh vol-dumpxml {name} {disk.destination.pool}); or mount the same storage on both hosts.",
        )
    return MoveFailedError(
        f"{disk.target}: it cannot be proved that {pools} are the same storage",
        f"Compare them: virsh pool-dumpxml {disk.destination.pool} (on {there}), virsh pool-dumpxml "
        f'{disk.source.ref.pool} (on {here}). If they are: [storage] mode = "shared" in its spec; else mode = "copy".',
    )
