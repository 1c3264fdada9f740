"""What went over the wire, asked of the hosts once the guest has arrived."""

from __future__ import annotations

from contextlib import suppress

from ferryman.fleet.errors import FleetError
from ferryman.fleet.migrating import Job
from ferryman.fleet.storage import VolumeRef
from ferryman.migration.move import Move


def final_job(move: Move) -> Job | None:
    """The hypervisor's figures of the whole migration, where they can be had.

    They leave the disks out, of which libvirt tells only while it migrates. Where their copy was over between two
    looks, `move.disk_bytes` is what the volumes that were created for them take up at the destination.
    """
    destination = move.ends.destination
    with suppress(FleetError):
        if move.sent is None or not move.disk_bytes:
            move.disk_bytes = max(move.disk_bytes, _taken_up(move))
    with suppress(FleetError):
        return destination.migrations.completed_job(move.entry.vm)
    return None


def _taken_up(move: Move) -> int:
    refs = (VolumeRef(pool=volume.pool, name=volume.name) for volume in move.entry.created)
    found = (move.ends.destination.volumes.find(ref) for ref in refs)
    return sum(volume.allocation_bytes for volume in found if volume is not None and not volume.block)
