"""Where a running VM's persistent definition differs from what runs: it holds from the VM's next start on.

A cold move starts the definition at the destination; a live one leaves it there, for a later start.
"""

from __future__ import annotations

from ferryman.fleet.storage import Disk, DiskDevice, VolumeRef
from ferryman.fleet.values import DomainDetail, Interface, Power
from ferryman.fleet.xml import domain as domain_xml
from ferryman.fleet.xml.domain import XmlDisk
from ferryman.fleet.xml.drives import media
from ferryman.planning.findings import Finding, FindingCode
from ferryman.planning.preflight.ends import blocker, warning

ONLY_DEFINED = "in its definition (not in the running VM)"
_ONLY_RUNNING = "in the running VM (not in its definition)"


def definition_findings(vm: DomainDetail) -> list[Finding]:
    """Disks that are in one of the two, and devices of the host that only the definition has."""
    if not _has_two(vm):
        return []
    defined = [disk for disk in domain_xml.disks(vm.xml) if disk.device is DiskDevice.DISK and disk.source_kind]
    running = [disk for disk in vm.disks if disk.device is DiskDevice.DISK and disk.source_kind]
    targets = {disk.target for disk in defined}
    return [
        *(
            _only_defined(vm.domain.name, disk)
            for disk in defined
            if disk.source_kind != "network" and not any(_is_same(one, disk) for one in running)
        ),
        *(_only_running(vm.domain.name, disk) for disk in running if disk.target not in targets),
        *_host_device_findings(vm),
    ]


def defined_media(vm: DomainDetail) -> tuple[tuple[str, str], ...]:
    """Target and path of what is inserted only in the definition's drives."""
    if not _has_two(vm):
        return ()
    running = {disk.target for disk in vm.disks if disk.device is not DiskDevice.DISK and disk.path}
    return tuple((one.target, one.path) for one in media("", vm.xml) if one.target not in running)


def defined_interfaces(vm: DomainDetail) -> tuple[Interface, ...]:
    """Those of the definition that join something which no interface of the running VM joins."""
    if not _has_two(vm):
        return ()
    running = {(one.kind, one.source) for one in vm.interfaces}
    return tuple(one for one in domain_xml.interfaces(vm.xml) if (one.kind, one.source) not in running)


def _has_two(vm: DomainDetail) -> bool:
    return vm.domain.persistent and vm.domain.power is not Power.SHUT_OFF


def _is_same(running: Disk, defined: XmlDisk) -> bool:
    if (running.target, running.source_kind) != (defined.target, defined.source_kind):
        return False
    if defined.source_kind == "volume":
        ref = VolumeRef(pool=defined.pool, name=defined.volume)
        return running.volume is None or running.volume.ref == ref
    return running.path == defined.path


def _only_defined(vm: str, disk: XmlDisk) -> Finding:
    what = disk.path or f"{disk.pool}/{disk.volume}"
    attach = f"virsh attach-disk {vm} {disk.path} {disk.target} --subdriver {disk.format} --live; " if disk.path else ""
    return blocker(
        FindingCode.DISK_ONLY_DEFINED,
        f"{disk.target}: {what} is {ONLY_DEFINED}, and does not move along: it could not be started at its destination",
        f"Restart the VM; or {attach}or take the disk out: virsh detach-disk {vm} {disk.target} --config",
    )


def _only_running(vm: str, disk: Disk) -> Finding:
    keep = (
        f"virsh attach-disk {vm} {disk.path} {disk.target} --subdriver {disk.format} --config"
        if disk.source_kind in ("file", "block")
        else f"add it there: virsh edit {vm}"
    )
    return blocker(
        FindingCode.DISK_ONLY_RUNNING,
        f"{disk.target}: {disk.path} is {_ONLY_RUNNING}, and the VM would start without it",
        f"Keep it: {keep}; or take it out: virsh detach-disk {vm} {disk.target} --live",
    )


def _host_device_findings(vm: DomainDetail) -> list[Finding]:
    count = domain_xml.host_device_count(vm.xml)
    if not count or vm.host_devices:
        return []
    name = vm.domain.name
    return [
        warning(
            FindingCode.HOST_DEVICE_DEFINED,
            f"{count} device(s) of its host are passed through {ONLY_DEFINED}: it starts only where the same are at "
            "the same places",
            f"See that they are (lspci, lsusb), or take <hostdev> out: virsh edit {name}",
        )
    ]
