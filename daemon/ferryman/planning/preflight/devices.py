"""What is attached to the VM or kept with it, and does not move along."""

from __future__ import annotations

from ferryman.fleet.values import DiskDevice, DomainDetail
from ferryman.planning.decisions import Finding, FindingCode
from ferryman.planning.preflight.ends import blocker


def device_findings(vm: DomainDetail) -> list[Finding]:
    """Host devices, snapshots, saved memory, a missing definition, inserted media."""
    found = []
    if vm.host_devices:
        found.append(
            blocker(
                FindingCode.HOST_DEVICE,
                f"{vm.host_devices} device(s) of its host are passed through to it",
                "Detach them (virsh detach-device), or allow cold.",
            )
        )
    if vm.snapshots:
        found.append(
            blocker(
                FindingCode.SNAPSHOTS,
                f"it has {vm.snapshots} snapshot(s) or checkpoint(s), which would be lost",
                f"Delete them: virsh snapshot-list {vm.domain.name}; virsh snapshot-delete {vm.domain.name} SNAPSHOT",
            )
        )
    if vm.managed_save:
        found.append(
            blocker(
                FindingCode.MANAGED_SAVE,
                "it is off with its memory saved, which would be lost",
                f"Start it (virsh start {vm.domain.name}), or drop what was saved: "
                f"virsh managedsave-remove {vm.domain.name}",
            )
        )
    if not vm.domain.persistent:
        found.append(
            blocker(
                FindingCode.TRANSIENT,
                "it has no persistent definition, and would be gone once shut off",
                f"virsh dumpxml {vm.domain.name} > FILE && virsh define FILE",
            )
        )
    found += [
        blocker(
            FindingCode.CDROM_INSERTED,
            f"{disk.target}: {disk.path} is inserted, and does not move along",
            f"Eject it: virsh change-media {vm.domain.name} {disk.target} --eject",
        )
        for disk in vm.disks
        if disk.device is not DiskDevice.DISK and disk.source_kind and disk.path
    ]
    return found
