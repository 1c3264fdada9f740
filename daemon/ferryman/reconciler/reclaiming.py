"""Which volumes that moves left behind may be removed, and why others may not. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from ferryman.downtime.values import MeasurementStatus
from ferryman.fleet.storage import Pool, Volume
from ferryman.fleet.usage import users
from ferryman.fleet.values import Domain, MigrationSide, Snapshot
from ferryman.planning.pool_kinds import traits
from ferryman.records.audit.ledger import LeftBehind, VolumePlace
from ferryman.records.audit.ordering import in_order
from ferryman.records.audit.record import MigrationRecord, Outcome


class Standing(StrEnum):
    """What may be done about a volume that was left behind."""

    SAFE = "safe"
    """Nothing that can be read speaks against removing it; that its storage is its host's own is tried out first."""
    GONE = "gone"
    """Somebody removed it already; only that is to be written down."""
    KEPT = "kept"
    """Something speaks against it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A volume that was left behind, and what may be done about it."""

    left: LeftBehind
    standing: Standing
    why: str
    remedy: str = ""
    age_s: float
    """Since the move that left it ended."""
    allocated_bytes: int = 0
    now_at: str = ""
    """The host that its VM is on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """What a host says of its storage, as far as it concerns what was left there."""

    pools: Mapping[str, Pool] = field(default_factory=dict)
    volumes: Mapping[VolumePlace, Volume] = field(default_factory=dict)
    disk_paths: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By VM."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that a judgement goes by."""

    snapshot: Snapshot
    storage: Mapping[str, Storage]
    """By host; a host that cannot be read is missing."""
    open_moves: Collection[str]
    """VMs and UUIDs that the journal has an open move of."""
    newest: Mapping[str, MigrationRecord]
    """By UUID: the VM's last move."""
    now: datetime
    older_than: timedelta = timedelta()


def judge(place: VolumePlace, left: LeftBehind, evidence: Evidence) -> Judged:
    """Whether one volume may go. Every doubt counts against it."""
    storage = evidence.storage.get(place.host)
    volume = storage.volumes.get(place) if storage else None
    kept = _elsewhere(left, evidence) or _at_its_host(place, left, storage, volume)
    kept = kept or _in_doubt(left, volume) or _too_young(left, evidence)
    here = _holders(left, evidence)
    age_s = (evidence.now - left.record.finished_at).total_seconds()
    if kept is not None:
        why, remedy = kept
        standing = Standing.KEPT
    elif volume is None:
        why, remedy, standing = f"{place.host} has it no more", "", Standing.GONE
    else:
        why, remedy, standing = f"{left.record.vm} is on {' and '.join(here)}, and no VM uses it", "", Standing.SAFE
    return Judged(
        left=left,
        standing=standing,
        why=why,
        remedy=remedy,
        age_s=age_s,
        allocated_bytes=volume.allocation_bytes if volume else 0,
        now_at=here[0] if here else "",
    )


Kept = tuple[str, str] | None
"""Why it stays, and what mends that; None: nothing stands against removing it."""


def newest_by_uuid(records: Collection[MigrationRecord]) -> Mapping[str, MigrationRecord]:
    """Every VM's last move."""
    return {record.uuid: record for record in in_order(records)}


def _elsewhere(left: LeftBehind, evidence: Evidence) -> Kept:
    """The VM itself: it must be seen where it belongs now, whole, and have answered there."""
    vm, uuid = left.record.vm, left.record.uuid
    if vm in evidence.open_moves or uuid in evidence.open_moves:
        return "a move of its VM is under way", "Wait until it has ended: ferryman status"
    holders = _holders(left, evidence)
    if left.volume.host in holders:
        return f"{vm} is on {left.volume.host}, and it may be its disk", "Nothing to do: it is in use, or will be."
    if not holders:
        return f"{vm} was seen on no host", "Find it first (virsh list --all on each host): this may be its only copy."
    if len(holders) > 1:
        return f"{vm} is on {' and '.join(holders)}", "Leave one definition of it."
    domain = _domains(left, evidence)[holders[0]]
    if domain.migration_side is not MigrationSide.NONE or domain.post_copy:
        return f"{vm} is being migrated", "Wait until that has ended."
    last = evidence.newest[uuid]
    if last.measurement.status is MeasurementStatus.NOT_BACK:
        return (
            f"after its last move ({last.id}) nobody saw {vm} answer",
            f"See that it works; then: virsh vol-delete {left.volume.name} {left.volume.pool} (on {left.volume.host})",
        )
    return None


def _at_its_host(place: VolumePlace, left: LeftBehind, storage: Storage | None, volume: Volume | None) -> Kept:
    """The volume: it must be the one that was left, lie on the host's own storage, and be used by none."""
    if storage is None:
        return f"{place.host} cannot be read", f"Check the host, and that hosts/{place.host}.toml is in the specs."
    pool = storage.pools.get(place.pool)
    if pool is None or not pool.active:
        return f"the pool {place.pool} is not active", f"virsh pool-start {place.pool} (on {place.host})"
    if volume is None:
        return None
    if traits(pool.kind).shared:
        return f"the pool {place.pool} is shared ({pool.kind})", "It is most likely the VM's very disk: let it be."
    if left.volume.path and volume.path != left.volume.path:
        return f"it is {volume.path} now, and was {left.volume.path}", "Look whose it is."
    by = users(volume, storage.disk_paths)
    if by:
        return f"{', '.join(by)} uses it", "Nothing to do: it is in use."
    return None


def _in_doubt(left: LeftBehind, volume: Volume | None) -> Kept:
    if volume is None or left.record.outcome is not Outcome.HELD:
        return None
    delete = f"virsh vol-delete {left.volume.name} {left.volume.pool} (on {left.volume.host})"
    return (
        f"the attempt that created it was left for a person to decide ({left.record.id})",
        f"See that {left.record.vm} is whole where it is; then: {delete}",
    )


def _too_young(left: LeftBehind, evidence: Evidence) -> Kept:
    if evidence.now - left.record.finished_at >= evidence.older_than:
        return None
    return f"it was left less than {evidence.older_than.days} days ago", "Lower --older-than."


def _holders(left: LeftBehind, evidence: Evidence) -> list[str]:
    return sorted(_domains(left, evidence))


def _domains(left: LeftBehind, evidence: Evidence) -> dict[str, Domain]:
    """By UUID: a VM may have been renamed, and another of its name is another VM."""
    return {
        host: domain
        for host in evidence.snapshot.hosts
        if (reading := evidence.snapshot.reading(host)) is not None
        for domain in reading.domains.values()
        if domain.uuid == left.record.uuid
    }
