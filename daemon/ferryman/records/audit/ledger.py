"""What all audit records together say. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ferryman.records.audit.ordering import in_order
from ferryman.records.audit.record import MigrationRecord, Outcome, RemovalRecord, VolumeAt


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumePlace:
    """Where a volume is: what it is known by."""

    host: str
    pool: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftBehind:
    """A volume that a move left at its source; or, where it did not succeed, at its destination."""

    volume: VolumeAt
    record: MigrationRecord
    """The move's."""


def leftovers(
    records: Iterable[MigrationRecord], removals: Iterable[RemovalRecord] = ()
) -> Mapping[VolumePlace, LeftBehind]:
    """The volumes that moves left behind and nothing has used or removed since, with the move that left each.

    Only such a volume may make room for that VM's return. So every doubt counts against it; a volume is no
    leftover any more once a later attempt, whatever became of it,
    - created a volume at its place, or
    - found its VM at its host again (somebody may have brought it back, disks and all).
    After a failed or held attempt the source's disks are still the VM's. A failed one leaves behind what it had created
    at the destination and could not remove again.
    """
    left = _left(records, removals)
    return {place: one for place, one in left.items() if one.record.outcome is not Outcome.HELD}


def in_doubt(
    records: Iterable[MigrationRecord], removals: Iterable[RemovalRecord] = ()
) -> Mapping[VolumePlace, LeftBehind]:
    """The volumes that attempts created which were left for a person to decide, as far as nothing came of them since.

    What is on them nobody knows: they are only told of, whatever became of the VM.
    """
    left = _left(records, removals)
    return {place: one for place, one in left.items() if one.record.outcome is Outcome.HELD}


def _left(records: Iterable[MigrationRecord], removals: Iterable[RemovalRecord]) -> Mapping[VolumePlace, LeftBehind]:
    left: dict[VolumePlace, LeftBehind] = {}
    for record in in_order(records):
        for created in record.volumes_created:
            left.pop(_place(created), None)
        used_again = [
            place for place, one in left.items() if (place.host, one.record.uuid) == (record.source, record.uuid)
        ]
        for place in used_again:
            del left[place]
        if record.outcome is Outcome.SUCCEEDED:
            left.update({_place(volume): LeftBehind(volume=volume, record=record) for volume in record.left_behind})
        elif record.outcome in (Outcome.FAILED, Outcome.HELD):
            left.update({_place(volume): LeftBehind(volume=volume, record=record) for volume in record.volumes_created})
    # By the move that left it: a volume of the same place that was left later is another one.
    removed = {(_place(removal.volume), removal.migration) for removal in removals}
    return {place: one for place, one in left.items() if (place, one.record.id) not in removed}


def held(records: Iterable[MigrationRecord]) -> Mapping[str, MigrationRecord]:
    """The VMs whose newest attempt was left for a person to decide, with that attempt's record."""
    newest: dict[str, MigrationRecord] = {}
    for record in in_order(records):
        newest[record.vm] = record
    return {vm: record for vm, record in newest.items() if record.outcome is Outcome.HELD}


def _place(volume: VolumeAt) -> VolumePlace:
    return VolumePlace(host=volume.host, pool=volume.pool, name=volume.name)
