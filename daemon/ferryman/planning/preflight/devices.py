"""What is attached to the VM or kept with it, and does not move along."""

from __future__ import annotations

from ferryman.fleet.storage import DiskDevice
from ferryman.fleet.values import DomainDetail, Power
from ferryman.fleet.xml.drives import media
from ferryman.planning.findings import Finding, FindingCode
from ferryman.planning.preflight.definition import ONLY_DEFINED, defined_media
from ferryman.planning.preflight.ends import blocker, warning


def device_findings(vm: DomainDetail) -> list[Finding]:
    """Host devices, snapshots, saved memory, a missing definition."""
    found = []
    if vm.host_devices:
        passed_through = f"{vm.host_devices} device(s) of its host are passed through to it"
        found += [
            blocker(FindingCode.HOST_DEVICE, passed_through, "Detach them (virsh detach-device), or allow cold."),
            warning(
                FindingCode.HOST_DEVICE_COLD,
                f"{passed_through}, and it starts only where the same are at the same places",
                f"See that they are (lspci, lsusb), or take <hostdev> out: virsh edit {vm.domain.name}",
            ),
        ]
    if vm.snapshots:
        found.append(
            blocker(
                FindingCode.SNAPSHOTS,
                f"it has {vm.snapshots} snapshot(s), which would be lost",
                f"Delete them: virsh snapshot-list {vm.domain.name}; virsh snapshot-delete {vm.domain.name} SNAPSHOT",
            )
        )
    if vm.checkpoints:
        name = vm.domain.name
        found.append(
            blocker(
                FindingCode.CHECKPOINTS,
                f"it has {vm.checkpoints} checkpoint(s) of backups, which would be lost",
                f"Delete them: virsh checkpoint-list {name} --name; virsh checkpoint-delete {name} CHECKPOINT; the "
                "next backup is then a full one.",
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
    return found


def medium_findings(vm: DomainDetail, *, eject_cdrom: bool) -> list[Finding]:
    """An image that is inserted, as the VM runs or as it is defined, is ejected only where the spec says so."""
    name = vm.domain.name
    running = [
        _medium_finding(name, disk.target, disk.path, _flags(vm, disk.target), eject_cdrom=eject_cdrom)
        for disk in vm.disks
        if disk.device is not DiskDevice.DISK and disk.source_kind and disk.path
    ]
    defined = [
        _medium_finding(name, target, path, "--config", f" {ONLY_DEFINED}", eject_cdrom=eject_cdrom)
        for target, path in defined_media(vm)
    ]
    return [*running, *defined]


def _flags(vm: DomainDetail, target: str) -> str:
    """virsh's, to eject a medium wherever it is: left in the definition, it is back at the next start."""
    if vm.domain.power is Power.SHUT_OFF:
        return "--config"
    both = vm.domain.persistent and any(medium.target == target for medium in media("", vm.xml))
    return "--live --config" if both else "--live"


def _medium_finding(vm: str, target: str, path: str, flags: str, where: str = "", *, eject_cdrom: bool) -> Finding:
    if eject_cdrom:
        return warning(
            FindingCode.CDROM_INSERTED,
            f"{target}: {path} is inserted{where}, and is ejected before the move, as its spec says",
            "Afterwards, where it is needed and the image is there: "
            f"virsh change-media {vm} {target} {path} --insert {flags}",
        )
    return blocker(
        FindingCode.CDROM_INSERTED,
        f"{target}: {path} is inserted{where}, and does not move along",
        f"Eject it: virsh change-media {vm} {target} --eject {flags}; or say eject_cdrom = true in its spec",
    )
