"""How each disk gets to the destination."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ferryman.fleet.storage import Disk, DiskDevice, VolumeRef
from ferryman.fleet.values import Domain, DomainDetail, HostDetail
from ferryman.planning.chains import carried
from ferryman.planning.copying import destination_format
from ferryman.planning.findings import Finding, FindingCode, Severity
from ferryman.planning.fitting import copy_findings, overwrite_findings, shared_findings, space_findings
from ferryman.planning.leftover import Leftover
from ferryman.planning.plans import DiskPlan, DiskTransfer
from ferryman.planning.pool_kinds import traits
from ferryman.specs.choices import DiskFormat, StorageMode
from ferryman.specs.vm_spec import StorageSpec

_NO_GROUPS = frozenset({"mapper", "disk", "block", "zvol", "md", "nbd"})
"""Folders below /dev that are no volume group's."""


def movable_disks(detail: DomainDetail) -> tuple[Disk, ...]:
    """The disks that have content of their own; empty drives and read-only media are not among them."""
    return tuple(disk for disk in detail.disks if disk.device is DiskDevice.DISK and disk.source_kind)


def destination_ref(disk: Disk, spec: StorageSpec) -> VolumeRef | None:
    """Where a disk's volume goes: the mapped pool, or the pool of the same name."""
    if disk.volume is None:
        return None
    if disk.target in spec.overwrite:
        pool, _, name = spec.overwrite[disk.target].partition("/")
        return VolumeRef(pool=pool, name=name)
    ref = disk.volume.ref
    return VolumeRef(pool=spec.pools.get(ref.pool, ref.pool), name=_name_for(ref.name, spec.format))


def _name_for(name: str, image_format: DiskFormat) -> str:
    """A name that tells of the old format is changed with it. Example: guest-01.qcow2 becomes guest-01.raw."""
    stem, _, suffix = name.rpartition(".")
    if image_format is DiskFormat.KEEP or suffix not in (DiskFormat.QCOW2, DiskFormat.RAW):
        return name
    return f"{stem}.{image_format}"


def destination_refs(detail: DomainDetail, spec: StorageSpec) -> tuple[VolumeRef, ...]:
    """The volumes that planning wants to know of at the destination."""
    refs = (destination_ref(disk, spec) for disk in movable_disks(detail))
    return tuple(ref for ref in refs if ref is not None)


def given_up_refs(detail: DomainDetail, spec: StorageSpec) -> tuple[VolumeRef, ...]:
    """Those of `destination_refs` that stand there and are to be overwritten."""
    disks = (disk for disk in movable_disks(detail) if disk.target in spec.overwrite)
    return tuple(ref for disk in disks if (ref := destination_ref(disk, spec)) is not None)


def disk_plans(
    detail: DomainDetail, spec: StorageSpec, destination: HostDetail, leftovers: Mapping[VolumeRef, Leftover]
) -> tuple[tuple[DiskPlan, ...], tuple[Finding, ...]]:
    """Every disk's plan, and what stands against it. `leftovers` are those at the destination."""
    # QEMU reaches a network disk from either host.
    local = [disk for disk in movable_disks(detail) if disk.source_kind != "network"]
    planned = [_disk_plan(disk, spec, destination, leftovers, detail.domain) for disk in local]
    plans = tuple(plan for plan, _ in planned if plan is not None)
    findings = [finding for _, found in planned for finding in found]
    return plans, (*findings, *space_findings(plans, destination))


def _disk_plan(
    disk: Disk, spec: StorageSpec, destination: HostDetail, leftovers: Mapping[VolumeRef, Leftover], vm: Domain
) -> tuple[DiskPlan | None, Sequence[Finding]]:
    """One disk's plan, None where its volume is not known."""
    ref = destination_ref(disk, spec)
    if disk.volume is None or ref is None:
        return None, [_unknown(disk)]
    pool, standing = destination.pools.get(ref.pool), destination.volumes.get(ref)
    as_it_stands = destination_format(disk.volume, spec, pool, standing)
    made_anew = destination_format(disk.volume, spec, pool, None)
    plan = DiskPlan(
        target=disk.target, transfer=DiskTransfer.COPY, source=disk.volume, destination=ref, format=made_anew
    )
    left = leftovers.get(ref)
    is_left = left is not None and not left.in_doubt
    by_looks = spec.mode is StorageMode.AUTO and not is_left and _looks_shared(ref, destination)
    if by_looks or spec.mode is StorageMode.SHARED:
        shared = replace(plan, transfer=DiskTransfer.SHARED, format=as_it_stands, shared_by_looks=by_looks)
        return shared, shared_findings(disk, ref, destination)
    chain = carried(disk, spec, destination)
    plan = replace(plan, image=chain.image, over=chain.over)
    if disk.target in spec.overwrite:
        given_up = replace(plan, overwrites=True, format=as_it_stands)
        return given_up, [*chain.findings, *overwrite_findings(disk, ref, destination)]
    fresh = replace(plan, replaces_leftover=standing is not None)
    its_own = left if left is not None and left.vm_uuid == vm.uuid else None
    return fresh, [*chain.findings, *copy_findings(vm, disk, ref, destination, its_own)]


def _looks_shared(ref: VolumeRef, destination: HostDetail) -> bool:
    """By the destination's pool and the volume's name alone; not where a record says that the volume was left there."""
    pool = destination.pools.get(ref.pool)
    return pool is not None and traits(pool.kind).shared and ref in destination.volumes


def _unknown(disk: Disk) -> Finding:
    return Finding(
        code=FindingCode.VOLUME_UNKNOWN,
        severity=Severity.BLOCKER,
        reason=f"{disk.target}: no active storage pool of its host holds {disk.path or 'its volume'}",
        remedy=f"Make what holds it a pool there: {_pool_of(disk.path)}",
    )


def _pool_of(path: str) -> str:
    """A device in a folder of its own below /dev is a logical volume in a group of that name."""
    folder = path.rpartition("/")[0]
    group = folder.removeprefix("/dev/")
    if not folder.startswith("/dev"):
        define = f"virsh pool-define-as NAME dir --target {folder or 'FOLDER'}"
    elif group != folder and "/" not in group and group not in _NO_GROUPS:
        return (
            f"virsh pool-define-as {group} logical --source-name {group} --target {folder} && virsh pool-start {group}"
            f" && virsh pool-autostart {group}"
        )
    else:
        define = "virsh pool-define-as NAME logical --source-name GROUP --target /dev/GROUP (lvs shows its group)"
    return f"{define} && virsh pool-start NAME && virsh pool-autostart NAME"
