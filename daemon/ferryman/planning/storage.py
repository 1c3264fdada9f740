"""How each disk gets to the destination."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ferryman.fleet.values import Disk, DiskDevice, Domain, DomainDetail, HostDetail, Power, Volume, VolumeRef
from ferryman.planning.chains import Carried, carried
from ferryman.planning.copying import destination_format
from ferryman.planning.findings import Finding, FindingCode, Severity
from ferryman.planning.plans import DiskPlan, DiskTransfer
from ferryman.specs.choices import DiskFormat, StorageMode
from ferryman.specs.vm_spec import StorageSpec

NETWORK_POOLS = frozenset({"netfs", "iscsi", "iscsi-direct", "rbd", "gluster", "sheepdog", "vstorage"})
"""Pool kinds whose content lies beyond any one host."""
_WHOLE_POOLS = frozenset({"logical", "disk"})
"""Pool kinds whose volumes take all of their size at once."""
_NO_GROUPS = frozenset({"mapper", "disk", "block", "zvol", "md", "nbd"})
"""Folders below /dev that are no volume group's."""
_MIB = 1024 * 1024
_EXTENT_BYTES = 4 * _MIB
"""LVM's by default: a logical volume has whole ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """A volume that an audit record names as left behind by a VM that moved away."""

    host: str
    ref: VolumeRef
    vm_uuid: str


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
    plans: list[DiskPlan] = []
    findings: list[Finding] = []
    for disk in movable_disks(detail):
        ref = destination_ref(disk, spec)
        if disk.source_kind == "network":
            continue  # QEMU reaches it over the network from either host
        if disk.volume is None or ref is None:
            findings.append(_unknown(disk))
            continue
        shared = _is_shared(disk, spec, destination)
        overwrites = not shared and disk.target in spec.overwrite
        chain = Carried() if shared else carried(disk, spec, destination)
        findings += chain.findings
        findings += (
            _shared_findings(disk, ref, destination)
            if shared
            else _overwrite_findings(disk, ref, destination)
            if overwrites
            else _copy_findings(disk, ref, destination, leftovers.get(ref), detail.domain)
        )
        plans.append(
            DiskPlan(
                target=disk.target,
                transfer=DiskTransfer.SHARED if shared else DiskTransfer.COPY,
                source=disk.volume,
                destination=ref,
                format=destination_format(
                    disk.volume,
                    spec,
                    destination.pools.get(ref.pool),
                    destination.volumes.get(ref) if shared or overwrites else None,
                ),
                overwrites=overwrites,
                image=chain.image,
                over=chain.over,
                replaces_leftover=not shared and not overwrites and ref in destination.volumes,
            )
        )
    return tuple(plans), (*findings, *_space_findings(tuple(plans), destination))


def _is_shared(disk: Disk, spec: StorageSpec, destination: HostDetail) -> bool:
    if spec.mode is not StorageMode.AUTO:
        return spec.mode is StorageMode.SHARED
    ref = destination_ref(disk, spec)
    pool = destination.pools.get(ref.pool) if ref else None
    return pool is not None and pool.kind in NETWORK_POOLS and ref in destination.volumes


def _shared_findings(disk: Disk, ref: VolumeRef, destination: HostDetail) -> list[Finding]:
    there = destination.volumes.get(ref)
    if there is not None and disk.volume is not None and there.capacity_bytes == disk.volume.capacity_bytes:
        return []
    return [
        _blocker(
            FindingCode.STORAGE_NOT_SHARED,
            f'{disk.target}: the spec says storage mode = "shared", but {destination.reading.host} does not see '
            f"the volume {ref.pool}/{ref.name} with the same size",
            'Mount the same storage on both hosts under the same pool name, or set [storage] mode = "copy".',
        )
    ]


def _overwrite_findings(disk: Disk, ref: VolumeRef, destination: HostDetail) -> list[Finding]:
    host, there = destination.reading.host, destination.volumes.get(ref)
    if there is None:
        problem = f"there is no such volume on {host}"
    elif disk.volume is not None and there.capacity_bytes < disk.volume.capacity_bytes:
        problem = f"it holds {there.capacity_bytes} bytes, the disk {disk.volume.capacity_bytes}"
    else:
        return []
    return [
        _blocker(
            FindingCode.VOLUME_UNFIT,
            f"{disk.target}: its spec says overwrite {ref.pool}/{ref.name}, but {problem}",
            f"Make it there, large enough: virsh vol-create-as {ref.pool} {ref.name} SIZE; or correct "
            "[storage] overwrite in its spec.",
        )
    ]


def _copy_findings(
    disk: Disk, ref: VolumeRef, destination: HostDetail, leftover: Leftover | None, vm: Domain
) -> list[Finding]:
    host = destination.reading.host
    findings = []
    pool = destination.pools.get(ref.pool)
    if pool is None:
        known = ", ".join(sorted(destination.pools)) or "none"
        findings.append(
            _blocker(
                FindingCode.POOL_MISSING,
                f"{disk.target}: {host} has no storage pool {ref.pool} (it has: {known})",
                f'Create it there, or map it in the VM\'s spec: [storage] pools = {{ {ref.pool} = "POOL" }}',
            )
        )
    elif not pool.active:
        findings.append(
            _blocker(
                FindingCode.POOL_INACTIVE,
                f"{disk.target}: the storage pool {ref.pool} on {host} is not active",
                f"virsh pool-start {ref.pool} (on {host})",
            )
        )
    elif pool.kind == "logical" and disk.volume is not None and disk.volume.capacity_bytes % _EXTENT_BYTES:
        findings.append(_unequal(vm, disk, disk.volume, f"{ref.pool} on {host}"))
    if ref in destination.volumes and (leftover is None or leftover.vm_uuid != vm.uuid):
        findings.append(
            _blocker(
                FindingCode.VOLUME_EXISTS,
                f"{disk.target}: {host} has a volume {ref.pool}/{ref.name} already, and no audit record names it as "
                "left behind by this VM",
                # Never advised without this: on shared storage it is the very disk that the VM runs from.
                'If both hosts see the same storage there: [storage] mode = "shared" in its spec. '
                f"Else look whose it is; rename or delete it: virsh vol-delete {ref.name} {ref.pool} (on {host})",
            )
        )
    return findings


def _unequal(vm: Domain, disk: Disk, volume: Volume, pool: str) -> Finding:
    """Seen: "Source and target image have different sizes", and of that libvirt tells no more than "End of file"."""
    whole_mib = -(-volume.capacity_bytes // _EXTENT_BYTES) * _EXTENT_BYTES // _MIB
    grow = (
        f"virsh vol-resize {volume.ref.name} {whole_mib}M --pool {volume.ref.pool}"
        if vm.power is Power.SHUT_OFF
        else f"virsh blockresize {vm.name} {disk.target} {whole_mib}M"
    )
    return _blocker(
        FindingCode.VOLUME_UNFIT,
        f"{disk.target}: a volume in {pool} has whole extents (taken to be of 4 MiB, LVM's default: libvirt does not "
        f"tell), the disk has {volume.capacity_bytes} bytes, and QEMU mirrors a disk only onto one of its own size",
        f"Let it grow to whole extents: {grow}; where vgs -o vg_extent_size shows others, to a multiple of those",
    )


def _space_findings(plans: tuple[DiskPlan, ...], destination: HostDetail) -> list[Finding]:
    """The destination must hold what the source occupies now; what it may grow to is a warning.

    A logical volume is never sparse: there all of its size is needed.
    """
    findings = []
    host = destination.reading.host
    copied = [plan for plan in plans if plan.transfer is DiskTransfer.COPY and not plan.overwrites]
    for name in sorted({plan.destination.pool for plan in copied} & destination.pools.keys()):
        pool = destination.pools[name]
        here = [plan for plan in copied if plan.destination.pool == name]
        freed = sum(destination.volumes[plan.destination].allocation_bytes for plan in here if plan.replaces_leftover)
        capacity = sum(plan.source.capacity_bytes for plan in here)
        occupied = capacity if pool.kind in _WHOLE_POOLS else sum(plan.source.allocation_bytes for plan in here)
        available = pool.available_bytes + freed
        if available < occupied:
            findings.append(
                _blocker(
                    FindingCode.SPACE_SHORT,
                    f"the pool {name} on {host} has {available // _MIB} MiB free, disks take {occupied // _MIB} MiB",
                    f"Free space on {host}, or map another pool in the VM's spec: [storage] pools",
                )
            )
        elif available < capacity:
            findings.append(
                Finding(
                    code=FindingCode.SPACE_SHORT,
                    severity=Severity.WARNING,
                    reason=f"the pool {name} on {host} has {available // _MIB} MiB free, the disks may grow to "
                    f"{capacity // _MIB} MiB",
                    remedy=f"Keep an eye on the pool {name} on {host}.",
                )
            )
    return findings


def _unknown(disk: Disk) -> Finding:
    return _blocker(
        FindingCode.VOLUME_UNKNOWN,
        f"{disk.target}: no active storage pool of its host holds {disk.path or 'its volume'}",
        f"Make what holds it a pool there: {_pool_of(disk.path)}",
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


def _blocker(code: FindingCode, reason: str, remedy: str) -> Finding:
    return Finding(code=code, severity=Severity.BLOCKER, reason=reason, remedy=remedy)
