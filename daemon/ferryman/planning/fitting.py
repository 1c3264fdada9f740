"""Whether the destination's pools and volumes can take a VM's disks. Pure."""

from __future__ import annotations

from ferryman.fleet.storage import Disk, Volume, VolumeRef
from ferryman.fleet.usage import users
from ferryman.fleet.values import Domain, HostDetail, Power
from ferryman.planning.findings import Finding, FindingCode, Severity
from ferryman.planning.leftover import Leftover
from ferryman.planning.plans import DiskPlan, DiskTransfer
from ferryman.planning.pool_kinds import traits

_MIB = 1024 * 1024
_EXTENT_BYTES = 4 * _MIB
"""LVM's by default: a logical volume has whole ones."""


def shared_findings(disk: Disk, ref: VolumeRef, destination: HostDetail) -> list[Finding]:
    """A volume that stays where it is."""
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


def overwrite_findings(disk: Disk, ref: VolumeRef, destination: HostDetail) -> list[Finding]:
    """A volume whose content its spec gives up."""
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


def copy_findings(
    vm: Domain, disk: Disk, ref: VolumeRef, destination: HostDetail, left: Leftover | None
) -> list[Finding]:
    """A new volume there. `left`: what this very VM left there, by its audit records."""
    host = destination.reading.host
    findings = []
    pool = destination.pools.get(ref.pool)
    if pool is None:
        known = ", ".join(sorted(destination.pools)) or "none"
        home = disk.volume.ref.pool if disk.volume is not None else ref.pool
        mapped = f"; {home} is mapped to it" if home != ref.pool else ""
        findings.append(
            _blocker(
                FindingCode.POOL_MISSING,
                f"{disk.target}: {host} has no storage pool {ref.pool} (it has: {known}){mapped}",
                f'Create it there, or map {home} to another in the VM\'s spec: [storage] pools = {{ {home} = "POOL" }}'
                + (f" (or in hosts/{host}.toml, where [arrivals] maps it)" if mapped else ""),
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
    elif traits(pool.kind).whole_extents and disk.volume is not None and disk.volume.capacity_bytes % _EXTENT_BYTES:
        findings.append(_unequal(vm, disk, disk.volume, f"{ref.pool} on {host}"))
    standing = destination.volumes.get(ref)
    # One that a VM uses is preflight's to tell: nobody is to be advised to delete it.
    unused = standing is not None and not users(standing, destination.disk_paths)
    if unused and (left is None or left.in_doubt):
        findings.append(_stands_there(disk, ref, host, left))
    return findings


def _stands_there(disk: Disk, ref: VolumeRef, host: str, left: Leftover | None) -> Finding:
    whose, look = "no audit record names it as left behind by this VM", "look whose it is"
    if left is not None:
        whose = f"the attempt that created it was left for a person to decide ({left.in_doubt})"
        look = "see that the VM is whole where it is"
    return _blocker(
        FindingCode.VOLUME_EXISTS,
        f"{disk.target}: {host} has a volume {ref.pool}/{ref.name} already, and {whose}",
        # Never advised without this: on shared storage it is the very disk that the VM runs from.
        'If both hosts see the same storage there: [storage] mode = "shared" in its spec. '
        f"Else {look}; rename or delete it: virsh vol-delete {ref.name} {ref.pool} (on {host})",
    )


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


def space_findings(plans: tuple[DiskPlan, ...], destination: HostDetail) -> list[Finding]:
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
        occupied = (
            capacity if traits(pool.kind).takes_whole_size else sum(plan.source.allocation_bytes for plan in here)
        )
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


def _blocker(code: FindingCode, reason: str, remedy: str) -> Finding:
    return Finding(code=code, severity=Severity.BLOCKER, reason=reason, remedy=remedy)
