"""What a domain's XML says of the machine that it needs."""

from __future__ import annotations

import pytest

from ferryman.fleet.machine import MachineNeeds, Tpm
from ferryman.fleet.survey import HostCpu
from ferryman.fleet.xml.machine import host_cpu, host_model, loaders, machine_needs

CAPABILITIES = (
    "<capabilities><host><uuid>u</uuid><cpu><arch>x86_64</arch><model>EPYC</model>"
    "<feature name='x2apic'/></cpu></host></capabilities>"
)


def domain(inside: str = "", devices: str = "") -> str:
    return (
        f"<domain type='kvm'><os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type>{inside}</os>"
        f"<devices>{devices}</devices></domain>"
    )


def with_cpu(cpu: str) -> str:
    return domain().replace("<devices>", f"{cpu}<devices>")


def agent(state: str) -> str:
    return f"<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'{state}/></channel>"


def test_a_plain_vm_needs_little() -> None:
    assert machine_needs(domain()) == MachineNeeds(
        architecture="x86_64", machine="pc-q35-7.2", virtualization="kvm", guest_agent=False
    )


def test_firmware_tpm_and_emulator_are_found() -> None:
    firmware = "<loader readonly='yes' type='pflash'>/usr/share/OVMF/C.fd</loader><nvram template='t'>/n.fd</nvram>"
    devices = "<emulator>/usr/bin/kvm</emulator><tpm model='tpm-crb'><backend type='emulator'/></tpm>"
    needs = machine_needs(domain(firmware, devices))
    assert (needs.loader, needs.nvram, needs.emulator) == ("/usr/share/OVMF/C.fd", "/n.fd", "/usr/bin/kvm")
    assert needs.tpm is Tpm.EMULATED
    host_tpm = "<tpm><backend type='passthrough'><device path='/dev/tpm0'/></backend></tpm>"
    assert machine_needs(domain(devices=host_tpm)).tpm is Tpm.PASSED_THROUGH


def test_a_bios_that_qemu_brings_is_none_that_libvirt_lists() -> None:
    bios = "<loader readonly='yes' type='rom'>/usr/share/qemu/qboot.rom</loader>"
    assert machine_needs(f"<domain type='qemu'><os>{bios}</os></domain>").loader == ""
    stateless = "<loader readonly='yes' type='rom'>/usr/share/OVMF/OVMF.fd</loader>"
    assert machine_needs(f"<domain type='qemu'><os>{stateless}</os></domain>").loader == "/usr/share/OVMF/OVMF.fd"


@pytest.mark.parametrize(
    ("nvram", "file", "device"),
    [
        ("<nvram>/n.fd</nvram>", "/n.fd", ""),
        ("<nvram type='file'><source file='/n.fd'/></nvram>", "/n.fd", ""),
        ("<nvram template='t' format='qcow2' type='file'>\n  <source file='/n.qcow2'/>\n</nvram>", "/n.qcow2", ""),
        ("<nvram type='block'><source dev='/dev/vg/n'/></nvram>", "", "block /dev/vg/n"),
        ("<nvram type='network'><source protocol='nbd' name='n'/></nvram>", "", "network n"),
        ("<nvram template='t'/>", "", ""),
    ],
)
def test_where_the_firmware_keeps_its_variables(nvram: str, file: str, device: str) -> None:
    needs = machine_needs(domain(nvram))
    assert (needs.nvram, needs.nvram_device) == (file, device)


@pytest.mark.parametrize(
    ("state", "answers"), [(" state='connected'", True), (" state='disconnected'", False), ("", True)]
)
def test_the_guests_agent(state: str, answers: bool) -> None:
    assert machine_needs(domain(devices=agent(state))).guest_agent is answers


class TestTheProcessor:
    def test_a_named_model_is_what_it_needs(self) -> None:
        needs = machine_needs(with_cpu("<cpu mode='custom' match='exact'><model>EPYC</model></cpu>"))
        assert needs.cpu_xml == '<cpu mode="custom" match="exact"><model>EPYC</model></cpu>'

    @pytest.mark.parametrize("cpu", ["<cpu mode='host-model'/>", "<cpu><topology sockets='1'/></cpu>", ""])
    def test_what_names_no_model_can_be_provided_anywhere(self, cpu: str) -> None:
        assert machine_needs(with_cpu(cpu)).cpu_xml == ""

    def test_passed_through_it_is_its_hosts(self) -> None:
        needs = machine_needs(with_cpu("<cpu mode='host-passthrough'/>"), host_cpu(CAPABILITIES))
        assert needs.cpu_passed_through
        assert "<model>EPYC</model>" in needs.cpu_xml

    def test_a_host_tells_its_own(self) -> None:
        assert host_model(CAPABILITIES) == HostCpu(model="EPYC", features=frozenset({"x2apic"}))
        assert host_model("<capabilities><host/></capabilities>") == HostCpu(model="", features=frozenset())
        assert host_cpu("<capabilities><host><cpu><arch>x86_64</arch></cpu></host></capabilities>") == ""


def test_the_firmware_that_a_host_knows() -> None:
    told = "<domainCapabilities><os><loader supported='yes'><value>/a.fd</value><enum/></loader></os>"
    assert loaders(told + "</domainCapabilities>") == {"/a.fd"}
