"""Disks that are said to be shared, and the folders of those that are copied."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ferryman.fleet.host_facts import Folder, HostFacts
from ferryman.fleet.storage import Disk
from ferryman.planning.findings import Finding, FindingCode
from ferryman.planning.plans import DiskPlan, DiskTransfer
from ferryman.planning.preflight.ends import ReadEnds, blocker

_LOCAL_FILE_SYSTEMS = frozenset({"ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "jfs", "tmpfs", "overlay"})
"""No two hosts can have one of these mounted at once. What is not among them is given the benefit of the doubt."""
_DROPS_CACHES_FROM = 4_000_000
"""QEMU 4.0 drops the destination's caches itself; before that libvirt refuses other cache modes than these."""
_UNCACHED = frozenset({"none", "directsync"})


def disk_findings(ends: ReadEnds, plans: Sequence[DiskPlan]) -> list[Finding]:
    """What storage planning cannot see by libvirt's pools alone."""
    by_target = {disk.target: disk for disk in ends.vm.disks}
    found: dict[Finding, None] = {}
    for plan in plans:
        disk = by_target.get(plan.target)
        if plan.transfer is DiskTransfer.SHARED:
            found |= dict.fromkeys(_shared_findings(ends, plan, disk))
        elif disk is not None:
            found |= dict.fromkeys(_copied_findings(ends, plan, disk))
        found |= dict.fromkeys(_folder_findings(ends, plan))
    return list(found)


def _shared_findings(ends: ReadEnds, plan: DiskPlan, disk: Disk | None) -> list[Finding]:
    here, there = ends.source.host, ends.destination.reading.host
    local = [
        f"{facts.host}: {folder.file_system}"
        for facts, folder in ((ends.source_facts, _here(ends, plan)), (ends.destination_facts, _there(ends, plan)))
        if folder.file_system in _LOCAL_FILE_SYSTEMS
    ]
    if local:
        return [
            blocker(
                FindingCode.STORAGE_NOT_SHARED,
                f"{plan.target}: it is to stay where it is, but {plan.destination.pool} is on a file system of one "
                f"host alone ({', '.join(local)}): {there} has another file of that name",
                f'Mount the same storage on {here} and {there}, or have it copied: [storage] mode = "copy"',
            )
        ]
    return _cache_findings(ends, disk)


def _copied_findings(ends: ReadEnds, plan: DiskPlan, disk: Disk) -> Iterator[Finding]:
    """Of a read-only disk only the destination's log says why: "Cannot migrate empty or read-only disk"."""
    vm, seen_by_both = ends.vm.domain.name, f"{ends.source.host} and {ends.destination.reading.host} both see"
    if disk.shareable:
        yield blocker(
            FindingCode.DISK_SHAREABLE,
            f"{plan.target}: {plan.source.path} is <shareable/>: other VMs may write to it, and would not see a copy",
            f'Put it on storage that {seen_by_both} ([storage] mode = "shared"), or, where no other VM uses it, take '
            f"<shareable/> out: virsh edit {vm}",
        )
    if disk.read_only:
        yield blocker(
            FindingCode.DISK_READ_ONLY,
            f"{plan.target}: it is <readonly/>, and a live migration copies no such disk",
            f'Put it on storage that {seen_by_both} ([storage] mode = "shared"), take <readonly/> out (virsh edit '
            f"{vm}, then restart it), or allow cold.",
        )


def _cache_findings(ends: ReadEnds, disk: Disk | None) -> list[Finding]:
    """libvirt's own rule for disks that are not copied: see qemuMigrationSrcIsSafe."""
    if disk is None or disk.source_kind == "network" or disk.read_only or disk.shareable or disk.cache in _UNCACHED:
        return []
    if ends.source.hypervisor_version >= _DROPS_CACHES_FROM:
        return []
    return [
        blocker(
            FindingCode.DISK_CACHED,
            f"{disk.target}: shared and cached ({disk.cache or 'by default'}): its last writes may not be seen by "
            f"{ends.destination.reading.host}, and libvirt refuses",
            f"Set <driver cache='none'/>: virsh edit {ends.vm.domain.name}; then restart it, or allow cold.",
        )
    ]


def _folder_findings(ends: ReadEnds, plan: DiskPlan) -> list[Finding]:
    folder = _there(ends, plan)
    if folder.open_to_qemu is not False:
        return []
    return [folder_finding(ends.destination_facts, _path_there(ends, plan))]


def folder_finding(facts: HostFacts, path: str) -> Finding:
    """A pool's folder that QEMU cannot enter."""
    user = facts.qemu_user or "QEMU's user"
    return blocker(
        FindingCode.FOLDER_CLOSED,
        f"on {facts.host} QEMU runs as {user}, which cannot enter {path}",
        f"namei -l {path} shows where it ends; chmod o+x that folder, or setfacl -m u:{user}:x (on {facts.host})",
    )


def _there(ends: ReadEnds, plan: DiskPlan) -> Folder:
    return ends.destination_facts.folders.get(_path_there(ends, plan), Folder())


def _path_there(ends: ReadEnds, plan: DiskPlan) -> str:
    pool = ends.destination.pools.get(plan.destination.pool)
    return "" if pool is None else pool.target_path


def _here(ends: ReadEnds, plan: DiskPlan) -> Folder:
    return ends.source_facts.folders.get(plan.source.path.rpartition("/")[0], Folder())
