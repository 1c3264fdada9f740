"""What a VM's QEMU needs and does, and whether a host has it, asked of libvirt."""

from __future__ import annotations

import libvirt

from ferryman.fleet.machine import IDLE, CpuFit, DomainJob, Fit, JobKind, MachineNeeds
from ferryman.fleet.values import Interface
from ferryman.fleet.xml import domain as domain_xml
from ferryman.fleet.xml import machine as machine_xml

_JOBS = {
    libvirt.VIR_DOMAIN_JOB_OPERATION_BACKUP: JobKind.BACKUP,
    libvirt.VIR_DOMAIN_JOB_OPERATION_SAVE: JobKind.SAVE,
    libvirt.VIR_DOMAIN_JOB_OPERATION_DUMP: JobKind.DUMP,
    libvirt.VIR_DOMAIN_JOB_OPERATION_SNAPSHOT: JobKind.SNAPSHOT,
    libvirt.VIR_DOMAIN_JOB_OPERATION_MIGRATION_IN: JobKind.MIGRATION,
    libvirt.VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT: JobKind.MIGRATION,
}
_GONE = frozenset({libvirt.VIR_ERR_NO_DOMAIN, libvirt.VIR_ERR_OPERATION_INVALID})


def needs_of(connection: libvirt.virConnect, xml: str) -> MachineNeeds:
    """What a VM of this host needs, by its live XML. Raises libvirtError."""
    if not machine_xml.passes_cpu_through(xml):
        return machine_xml.machine_needs(xml)
    return machine_xml.machine_needs(xml, machine_xml.host_cpu(connection.getCapabilities()))


def job_of(domain: libvirt.virDomain, xml: str) -> DomainJob:
    """What a running VM is busy with. Raises libvirtError other than "gone since"."""
    try:
        statistics = domain.jobStats()
        if statistics.get("type", libvirt.VIR_DOMAIN_JOB_NONE) in (
            libvirt.VIR_DOMAIN_JOB_BOUNDED,
            libvirt.VIR_DOMAIN_JOB_UNBOUNDED,
        ):
            return DomainJob(kind=_JOBS.get(statistics.get("operation", -1), JobKind.OTHER))
        for disk in domain_xml.disks(xml):
            if disk.source_kind and domain.blockJobInfo(disk.target):
                return DomainJob(kind=JobKind.BLOCK, disk=disk.target)
    except libvirt.libvirtError as error:
        if error.get_error_code() not in _GONE:
            raise
    return IDLE


def fit_of(connection: libvirt.virConnect, needs: MachineNeeds) -> Fit:
    """What this host's libvirt says of such a VM. A question that it refuses is an answer; raises where it is lost."""
    capabilities = _capabilities(connection, needs, needs.emulator or None, needs.virtualization or None)
    if capabilities is None:
        any_way = _capabilities(connection, needs, needs.emulator or None, None)
        return Fit(emulator=any_way is not None if needs.emulator else None, virtualization=_only(any_way))
    cpu, says = _compared(connection, needs)
    return Fit(
        cpu=cpu,
        cpu_says=says,
        emulator=True,
        virtualization=True,
        loaders=machine_xml.loaders(capabilities),
    )


def attachments_of(connection: libvirt.virConnect) -> dict[str, tuple[Interface, ...]]:
    """The network interfaces of every VM. Raises libvirtError."""
    found = {}
    for domain in connection.listAllDomains():
        try:
            found[domain.name()] = domain_xml.interfaces(domain.XMLDesc())
        except libvirt.libvirtError as error:
            if error.get_error_code() not in _GONE:
                raise
    return found


def _only(any_way: str | None) -> bool | None:
    """The emulator is there and does not run this kind of VM; or it is not even known whether it is there."""
    return None if any_way is None else False


def _capabilities(
    connection: libvirt.virConnect, needs: MachineNeeds, emulator: str | None, virtualization: str | None
) -> str | None:
    try:
        # No machine type: one that is unknown here is found by comparing the lists.
        text: str = connection.getDomainCapabilities(emulator, needs.architecture or None, None, virtualization, 0)
    except libvirt.libvirtError:
        if not connection.isAlive():
            raise
        return None
    return text


def _compared(connection: libvirt.virConnect, needs: MachineNeeds) -> tuple[CpuFit, str]:
    if not needs.cpu_xml:
        return (CpuFit.UNKNOWN if needs.cpu_passed_through else CpuFit.FITS), ""
    try:
        _compare(connection, needs)
    except libvirt.libvirtError as error:
        if not connection.isAlive():
            raise
        if error.get_error_code() == libvirt.VIR_ERR_CPU_INCOMPATIBLE:
            return CpuFit.LACKING, error.get_error_message() or ""
        return CpuFit.UNKNOWN, ""
    return CpuFit.FITS, ""


def _compare(connection: libvirt.virConnect, needs: MachineNeeds) -> None:
    """Raises libvirtError with VIR_ERR_CPU_INCOMPATIBLE where something is lacking."""
    flags = libvirt.VIR_CONNECT_COMPARE_CPU_FAIL_INCOMPATIBLE
    if needs.cpu_passed_through:
        # Host against host: a hypervisor provides less than its processor has, so that even its own would not fit.
        connection.compareCPU(needs.cpu_xml, flags)
        return
    emulator, architecture, virtualization = needs.emulator, needs.architecture, needs.virtualization
    connection.compareHypervisorCPU(
        emulator or None, architecture or None, None, virtualization or None, needs.cpu_xml, flags
    )
