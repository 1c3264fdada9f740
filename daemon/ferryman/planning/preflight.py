"""What stands against a move, seen before anything is touched: all findings at once, each with its remedy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ferryman.fleet.values import Disk, DiskDevice, DomainDetail, HostDetail, HostReading, Power
from ferryman.planning.arriving import joined
from ferryman.planning.decisions import Finding, FindingCode, Severity
from ferryman.planning.placement import Fleet, spare_memory_mib
from ferryman.planning.switchover import untracked_writes
from ferryman.specs.models import Method

_RUNNING = frozenset({Method.LIVE, Method.POST_COPY, Method.PAUSED})
STANDS_AGAINST: Mapping[FindingCode, frozenset[Method]] = {
    FindingCode.HOST_DEVICE: _RUNNING,
    FindingCode.WRITES_UNTRACKED: frozenset({Method.LIVE, Method.POST_COPY}),
    FindingCode.TRANSIENT: frozenset({Method.COLD}),
    FindingCode.PLAIN_TEXT: frozenset({Method.COLD}),
    FindingCode.CERTIFICATE_MISSING: _RUNNING,
    FindingCode.CERTIFICATE_INVALID: _RUNNING,
    FindingCode.CERTIFICATE_EXPIRES: _RUNNING,
    FindingCode.CERTIFICATE_UNKNOWN: _RUNNING,
    FindingCode.CONVERSION: frozenset({Method.COLD}),
    FindingCode.BACKING_CHAIN_COLD: frozenset({Method.COLD}),
}
"""The methods that a finding stands against, where that is not all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """Both ends of a move as they were read for it."""

    vm: DomainDetail
    source: HostReading
    destination: HostDetail


def findings(ends: Ends, fleet: Fleet, *, eject_cdrom: bool = False) -> tuple[Finding, ...]:
    """Everything but storage, which `storage.disk_plans` looks at."""
    return (
        *_machine_findings(ends),
        *_network_findings(ends, fleet),
        *_identity_findings(ends),
        *_memory_findings(ends, fleet),
        *_device_findings(ends.vm),
        *(_cdrom_finding(ends.vm.domain.name, disk, eject_cdrom=eject_cdrom) for disk in _inserted(ends.vm)),
        *untracked_writes(ends.vm, ends.source),
    )


def _machine_findings(ends: Ends) -> list[Finding]:
    found = []
    here, there = ends.source, ends.destination.reading
    if here.uuid and here.uuid == there.uuid:
        found.append(
            _blocker(
                FindingCode.SAME_MACHINE,
                f"{here.host} and {there.host} are the same machine (host UUID {here.uuid})",
                "Correct `uri` in one of the two host specs; cloned hosts need a host_uuid each in libvirtd.conf.",
            )
        )
    if here.architecture != there.architecture:
        found.append(
            _blocker(
                FindingCode.ARCHITECTURE,
                f"{there.host} is {there.architecture}, {here.host} is {here.architecture}",
                "Choose a host of the same architecture.",
            )
        )
    elif ends.vm.machine and ends.vm.machine not in ends.destination.machines:
        found.append(
            _blocker(
                FindingCode.MACHINE_MISSING,
                f"{there.host} does not know the machine type {ends.vm.machine}",
                f"Upgrade QEMU on {there.host}, or give the VM a machine type that both hosts know.",
            )
        )
    if there.hypervisor_version < here.hypervisor_version:
        found.append(
            Finding(
                code=FindingCode.OLDER_HYPERVISOR,
                severity=Severity.WARNING,
                reason=f"{there.host} has QEMU {_version(there.hypervisor_version)}, "
                f"{here.host} {_version(here.hypervisor_version)}: QEMU supports no move to an older version",
                remedy=f"Upgrade QEMU on {there.host}.",
            )
        )
    return found


def _network_findings(ends: Ends, fleet: Fleet) -> list[Finding]:
    """Bridges and networks by the names that they have at the destination."""
    host = ends.destination.reading.host
    bridges = ends.destination.bridges
    found = []
    for link in (joined(interface, fleet.hosts[host].arrivals) for interface in ends.vm.interfaces):
        if link.kind == "bridge" and bridges is not None and link.there not in bridges:
            found.append(
                _blocker(
                    FindingCode.BRIDGE_MISSING,
                    f"{host} has no bridge {link.there}{link.mapping} (it has: {', '.join(sorted(bridges)) or 'none'})",
                    f"ip link add {link.there} type bridge && ip link set {link.there} up (on {host}); or name one "
                    f'that it has in hosts/{host}.toml: [arrivals] bridges = {{ {link.here} = "BRIDGE" }}',
                )
            )
        if link.kind == "network" and link.there not in ends.destination.networks:
            found.append(
                _blocker(
                    FindingCode.NETWORK_MISSING,
                    f"{host} has no libvirt network {link.there}{link.mapping}",
                    f"Define it there: virsh net-define FILE && virsh net-start {link.there}; or name one that it has "
                    f'in hosts/{host}.toml: [arrivals] networks = {{ {link.here} = "NETWORK" }}',
                )
            )
    return found


def _identity_findings(ends: Ends) -> list[Finding]:
    host = ends.destination.reading.host
    vm = ends.vm.domain
    return [
        _blocker(
            FindingCode.UUID_TAKEN,
            f"{host} has another VM, {other.name}, with the same UUID {vm.uuid}",
            "Give one of the two another UUID.",
        )
        for other in ends.destination.reading.domains.values()
        if other.uuid == vm.uuid and other.name != vm.name
    ]


def _memory_findings(ends: Ends, fleet: Fleet) -> list[Finding]:
    if ends.vm.domain.power is Power.SHUT_OFF:
        return []
    there = ends.destination.reading
    spare = spare_memory_mib(there, fleet)
    if spare >= ends.vm.domain.memory_mib:
        return []
    return [
        _blocker(
            FindingCode.MEMORY_SHORT,
            f"{there.host} has {spare} MiB of memory to spare, the VM needs {ends.vm.domain.memory_mib} MiB",
            f"Move a VM away from {there.host}, or lower [capacity] reserve_memory_mib in its spec.",
        )
    ]


def _device_findings(vm: DomainDetail) -> list[Finding]:
    found = []
    if vm.host_devices:
        found.append(
            _blocker(
                FindingCode.HOST_DEVICE,
                f"{vm.host_devices} device(s) of its host are passed through to it",
                "Detach them (virsh detach-device), or allow cold.",
            )
        )
    if vm.snapshots:
        found.append(
            _blocker(
                FindingCode.SNAPSHOTS,
                f"it has {vm.snapshots} snapshot(s) or checkpoint(s), which would be lost",
                f"Delete them: virsh snapshot-list {vm.domain.name}; virsh snapshot-delete {vm.domain.name} SNAPSHOT",
            )
        )
    if vm.managed_save:
        found.append(
            _blocker(
                FindingCode.MANAGED_SAVE,
                "it is off with its memory saved, which would be lost",
                f"Start it (virsh start {vm.domain.name}), or drop what was saved: "
                f"virsh managedsave-remove {vm.domain.name}",
            )
        )
    if not vm.domain.persistent:
        found.append(
            _blocker(
                FindingCode.TRANSIENT,
                "it has no persistent definition, and would be gone once shut off",
                f"virsh dumpxml {vm.domain.name} > FILE && virsh define FILE",
            )
        )
    return found


def _inserted(vm: DomainDetail) -> list[Disk]:
    return [disk for disk in vm.disks if disk.device is not DiskDevice.DISK and disk.source_kind and disk.path]


def _cdrom_finding(vm: str, disk: Disk, *, eject_cdrom: bool) -> Finding:
    """An image that is inserted is ejected only where the spec says so."""
    if eject_cdrom:
        return Finding(
            code=FindingCode.CDROM_INSERTED,
            severity=Severity.WARNING,
            reason=f"{disk.target}: {disk.path} is inserted, and is ejected before the move, as its spec says",
            remedy="Afterwards, where it is needed and the image is there: "
            f"virsh change-media {vm} {disk.target} {disk.path} --insert",
        )
    return _blocker(
        FindingCode.CDROM_INSERTED,
        f"{disk.target}: {disk.path} is inserted, and does not move along",
        f"Eject it: virsh change-media {vm} {disk.target} --eject; or say eject_cdrom = true in its spec",
    )


def _version(number: int) -> str:
    return f"{number // 1_000_000}.{number // 1_000 % 1_000}.{number % 1_000}"


def _blocker(code: FindingCode, reason: str, remedy: str) -> Finding:
    return Finding(code=code, severity=Severity.BLOCKER, reason=reason, remedy=remedy)
