"""Removing volumes that moves left behind: the readings and the effects; what may go is `reclaiming`'s to judge."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from ferryman.fleet.errors import FleetError
from ferryman.fleet.observing import FleetView
from ferryman.fleet.storage import VolumeRef
from ferryman.fleet.values import Snapshot
from ferryman.migration.disks.apart import lie_apart
from ferryman.reconciler.reclaiming import Evidence, Judged, Standing, Storage, judge, newest_by_uuid
from ferryman.reconciler.sweeping import reachable, sweep
from ferryman.records.audit import whole as audit
from ferryman.records.audit.ids import migration_id
from ferryman.records.audit.ledger import LeftBehind, VolumePlace, in_doubt, leftovers
from ferryman.records.audit.record import RemovalRecord
from ferryman.records.journal.markers import Markers
from ferryman.records.journal.open_moves import open_moves_in
from ferryman.records.state.messages import removals_message
from ferryman.records.store import StateStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Wished:
    """Which volumes are asked about."""

    vm: str | None = None
    host: str | None = None
    older_than: timedelta = timedelta()


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """What became of one volume; `trouble` is why it is still there."""

    judged: Judged
    removal: RemovalRecord | None = None
    trouble: str = ""
    remedy: str = ""


def survey(state: Path, view: FleetView, wished: Wished, now: datetime) -> tuple[Judged, ...]:
    """Judge every volume that audit records name as left behind. Touches nothing."""
    records, removals = list(audit.records(state)), list(audit.removals(state))
    left = {
        place: one
        for place, one in {**leftovers(records, removals), **in_doubt(records, removals)}.items()
        if wished.vm in (None, one.record.vm) and wished.host in (None, place.host)
    }
    snapshot = view.look()
    evidence = Evidence(
        snapshot=snapshot,
        storage=_storage(view, snapshot, left),
        open_moves=open_moves_in(state).untouchable(),
        newest=newest_by_uuid(records),
        now=now,
        older_than=wished.older_than,
    )
    return tuple(judge(place, one, evidence) for place, one in sorted(left.items(), key=_by_host))


def remove(store: StateStore, view: FleetView, judged: Iterable[Judged], now: datetime) -> tuple[Removed, ...]:
    """Remove what is safe, write each removal down, and commit. The store's lock keeps moves from beginning meanwhile.

    Raises StateError. A volume is removed before that is written: killed between, the next run finds it gone.
    """
    markers = Markers(store.folder)
    sweep(markers, reachable(markers.left(), view.names()), view.host)
    done = tuple(_remove(store, view, one, now, markers) for one in judged if one.standing is not Standing.KEPT)
    removals = [one.removal for one in done if one.removal is not None]
    if removals:
        store.commit(removals_message(removals), [store.paths.removal(removal) for removal in removals])
    return done


def _remove(store: StateStore, view: FleetView, judged: Judged, now: datetime, markers: Markers) -> Removed:
    volume = judged.left.volume
    try:
        if judged.standing is Standing.SAFE:
            doubt = _sharing(view, judged, markers)
            if doubt:
                remedy = "It is most likely the VM's very disk: let it be."
                return Removed(judged=judged, trouble=doubt, remedy=remedy)
            view.host(volume.host).volumes.delete(VolumeRef(pool=volume.pool, name=volume.name))
    except FleetError as error:
        return Removed(judged=judged, trouble=error.reason, remedy=error.remedy)
    removal = RemovalRecord(
        id=migration_id(now, judged.left.record.vm, secrets.randbits(16)),
        vm=judged.left.record.vm,
        uuid=judged.left.record.uuid,
        volume=volume,
        migration=judged.left.record.id,
        removed_at=now,
        allocated_bytes=judged.allocated_bytes,
        was_gone=judged.standing is Standing.GONE,
    )
    store.write_removal(removal)
    return Removed(judged=judged, removal=removal)


def _sharing(view: FleetView, judged: Judged, markers: Markers) -> str:
    """Why the volume may lie on storage that the VM uses where it is now; empty: proved that it does not."""
    volume, there = judged.left.volume, view.host(judged.now_at)
    marker = f"ferryman-{secrets.token_hex(4)}.marker"
    used = {disk.volume.ref.pool for disk in there.domains.inspect(judged.left.record.vm).disks if disk.volume}
    for pool in sorted(used):
        if not lie_apart(view.host(volume.host), volume.pool, there, pool, marker, markers):
            return f"{volume.host} and {judged.now_at} may share the storage of {volume.pool}"
    return ""


def _storage(view: FleetView, snapshot: Snapshot, left: Mapping[VolumePlace, LeftBehind]) -> dict[str, Storage]:
    found = {}
    for host in {place.host for place in left}:
        if snapshot.reading(host) is None:
            continue
        wanted = {VolumeRef(pool=place.pool, name=place.name): place for place in left if place.host == host}
        try:
            detail = view.host(host).describe(wanted)
            paths = view.host(host).domains.disk_paths()
        except FleetError:
            continue  # not read: nothing there is judged to be safe
        volumes = {wanted[ref]: volume for ref, volume in detail.volumes.items()}
        found[host] = Storage(pools=detail.pools, volumes=volumes, disk_paths=paths)
    return found


def _by_host(item: tuple[VolumePlace, LeftBehind]) -> tuple[str, str, str]:
    place, _ = item
    return (place.host, place.pool, place.name)
