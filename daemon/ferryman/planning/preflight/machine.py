"""The machine that QEMU makes for the VM: whether the destination's QEMU can make the same one."""

from __future__ import annotations

from ferryman.fleet.machine import CpuFit
from ferryman.planning.findings import Finding, FindingCode
from ferryman.planning.preflight.ends import ReadEnds, blocker, warning


def machine_findings(ends: ReadEnds) -> list[Finding]:
    """Architecture, machine type, emulator, QEMU's version, processor."""
    return [*_host_findings(ends), *_emulator_findings(ends), *_cpu_findings(ends)]


def _host_findings(ends: ReadEnds) -> list[Finding]:
    found = []
    here, there = ends.source, ends.destination.reading
    if here.uuid and here.uuid == there.uuid:
        found.append(
            blocker(
                FindingCode.SAME_MACHINE,
                f"{here.host} and {there.host} are the same machine (host UUID {here.uuid})",
                "Correct `uri` in one of the two host specs; cloned hosts need a host_uuid each in libvirtd.conf.",
            )
        )
    if here.architecture != there.architecture:
        found.append(
            blocker(
                FindingCode.ARCHITECTURE,
                f"{there.host} is {there.architecture}, {here.host} is {here.architecture}",
                "Choose a host of the same architecture.",
            )
        )
    elif ends.vm.machine and ends.vm.machine not in ends.destination.machines:
        found.append(
            blocker(
                FindingCode.MACHINE_MISSING,
                f"{there.host} does not know the machine type {ends.vm.machine}",
                f"Upgrade QEMU on {there.host}, or give the VM a machine type that both hosts know.",
            )
        )
    if there.hypervisor_version < here.hypervisor_version:
        found.append(
            warning(
                FindingCode.OLDER_HYPERVISOR,
                f"{there.host} has QEMU {version_text(there.hypervisor_version)}, "
                f"{here.host} {version_text(here.hypervisor_version)}: QEMU supports no move to an older version",
                f"Upgrade QEMU on {there.host}.",
            )
        )
    return found


def _emulator_findings(ends: ReadEnds) -> list[Finding]:
    host, needs = ends.destination.reading.host, ends.vm.needs
    if ends.fit.emulator is False:
        return [
            blocker(
                FindingCode.EMULATOR_MISSING,
                f"{host} has no working emulator {needs.emulator}, which the VM's definition names",
                f"Install QEMU there under the same path, or take <emulator> out: virsh edit {ends.vm.domain.name}",
            )
        ]
    if ends.fit.virtualization is False:
        return [
            blocker(
                FindingCode.VIRTUALIZATION_MISSING,
                f"{host} cannot run VMs of the kind {needs.virtualization}",
                f"See what is missing there: virt-host-validate qemu (on {host})",
            )
        ]
    return []


def _cpu_findings(ends: ReadEnds) -> list[Finding]:
    """While it runs a guest keeps the processor that it has seen at its start; shut down it starts with another."""
    if ends.fit.cpu is not CpuFit.LACKING:
        return []
    here, there = ends.source.host, ends.destination.reading.host
    name = ends.vm.domain.name
    whose = f"{here}'s processor, which it sees as it is" if ends.vm.needs.cpu_passed_through else "its processor"
    says = f" ({ends.fit.cpu_says})" if ends.fit.cpu_says else ""
    return [
        blocker(
            FindingCode.CPU_LACKING,
            f"{there} cannot provide {whose}{says}",
            f"Give it a model that both hosts have: virsh hypervisor-cpu-baseline FILE with both hosts' <cpu> (virsh "
            f"domcapabilities), then virsh edit {name} and restart it; or allow cold.",
        ),
        warning(
            FindingCode.CPU_LESSER,
            f"{there}'s processor lacks what the guest has used on {here}{says}",
            "See that nothing in the guest needs it; with a named model that is lacking it does not start there.",
        ),
    ]


def version_text(number: int) -> str:
    """libvirt's way to write a version as a number, undone: 7002000 is 7.2.0."""
    return f"{number // 1_000_000}.{number // 1_000 % 1_000}.{number % 1_000}"
