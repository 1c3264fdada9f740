"""What the lab writes for others to read: archives, definitions, specs, commands."""

from __future__ import annotations

import subprocess
import tomllib
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from ferryman.fleet.host_certificates import folders_named
from ferryman.lab import cpio, host_files, specs_folder
from ferryman.lab.allowed import DEFAULT_FOLDER
from ferryman.lab.guest_xml import Accelerator, DiskFormat, DiskHome, GuestPlan, Machine, command_line, domain_xml
from ferryman.lab.layout import plan_layout
from ferryman.lab.status import next_commands
from ferryman.specs.choices import Method
from ferryman.specs.fleet_spec import FleetSpec
from ferryman.specs.host_spec import HostSpec
from ferryman.specs.vm_spec import VmSpec

LAYOUT = plan_layout(DEFAULT_FOLDER, ("oslo", "bergen"), "10.91.0.0/24")
GUEST = GuestPlan(name="guest-01", address="10.91.0.101", disk_format=DiskFormat.RAW, dirty_mib=40)


def machine(accelerator: Accelerator = Accelerator.TCG, *, direct_io: bool = True) -> Machine:
    """What guests boot in these tests."""
    return Machine(
        kernel="/k", packed_kernel="/p", initramfs="/i", accelerator=accelerator, direct_io=direct_io, prefix_length=24
    )


def definition(on: Machine) -> ElementTree.Element:
    """The guest's definition, parsed again."""
    return ElementTree.fromstring(domain_xml(GUEST, on))  # noqa: S314 - the text is our own


def definition_of(guest: GuestPlan) -> ElementTree.Element:
    """Another guest's definition, parsed again."""
    return ElementTree.fromstring(domain_xml(guest, machine()))  # noqa: S314 - the text is our own


class TestArchive:
    def test_follows_the_format(self) -> None:
        packed = cpio.archive([cpio.file("init", b"hello", 0o755)])
        assert packed.startswith(b"070701" + b"00000001" + b"000081ED")
        assert packed[110:116] == b"init\0\0"[:6]
        assert len(packed) % 4 == 0
        assert b"TRAILER!!!" in packed

    def test_puts_folders_before_what_is_in_them(self) -> None:
        complete = cpio.with_folders(
            [cpio.file("etc/acpi/x", b""), cpio.file("etc/y", b""), cpio.link("sh", "busybox")]
        )
        assert [entry.path for entry in complete] == ["etc", "etc/acpi", "etc/acpi/x", "etc/y", "sh"]

    def test_is_the_same_for_the_same_entries(self) -> None:
        entries = [cpio.folder("root", 0o700), cpio.file("a", b"1")]
        assert cpio.archive(entries) == cpio.archive(list(entries))


class TestDefinition:
    def test_holds_one_disk_of_the_pool_and_one_interface_on_the_bridge(self) -> None:
        domain = definition(machine())
        assert domain.findtext("name") == "guest-01"
        sources = [source.attrib for source in domain.findall("devices/disk/source")]
        assert sources == [{"file": "/var/lib/libvirt/images/guest-01.img"}]
        assert [source.attrib for source in domain.findall("devices/interface/source")] == [{"bridge": "kvmbr0"}]
        assert domain.findtext("on_poweroff") == "destroy"
        assert domain.find("features/acpi") is not None

    @pytest.mark.parametrize(("direct_io", "cache"), [(True, "none"), (False, None)])
    def test_bypasses_the_page_cache_where_the_file_system_can(self, direct_io: bool, cache: str | None) -> None:
        driver = definition(machine(direct_io=direct_io)).find("devices/disk/driver")
        assert driver is not None
        assert (driver.get("cache"), driver.get("type")) == (cache, "raw")

    @pytest.mark.parametrize(("accelerator", "kind"), [(Accelerator.KVM, "kvm"), (Accelerator.TCG, "qemu")])
    def test_names_its_accelerator(self, accelerator: Accelerator, kind: str) -> None:
        assert definition(machine(accelerator)).get("type") == kind

    def test_names_a_block_device_by_its_node(self) -> None:
        domain = definition_of(replace(GUEST, disk=DiskHome.BLOCK))
        assert [disk.get("type") for disk in domain.findall("devices/disk")] == ["block"]
        assert [source.attrib for source in domain.findall("devices/disk/source")] == [
            {"dev": "/var/lib/libvirt/blocks/guest-01"}
        ]

    def test_has_firmware_settings_and_a_tpm_where_asked(self) -> None:
        plain, modern = definition_of(GUEST), definition_of(replace(GUEST, uefi=True, tpm=True))
        assert plain.findtext("os/loader") == "/usr/share/qemu/qboot.rom"
        assert modern.findtext("os/loader") == "/usr/share/OVMF/OVMF_CODE_4M.fd"
        assert plain.find("devices/tpm") is None
        assert modern.findtext("os/nvram") == "/var/lib/libvirt/qemu/nvram/guest-01.fd"
        assert modern.find("devices/tpm/backend[@version='2.0']") is not None

    def test_tells_the_guest_who_it_is(self) -> None:
        words = command_line(GUEST, 24).split()
        assert {"ferryman.address=10.91.0.101/24", "ferryman.dirty_mib=40"} <= set(words)


class TestSpecs:
    def test_are_what_ferryman_reads(self) -> None:
        host = HostSpec.model_validate(tomllib.loads(specs_folder.host_spec(LAYOUT.hosts[0])))
        assert (host.uri, host.migration_address) == ("qemu+ssh://root@oslo/system", "10.91.0.11")
        FleetSpec.model_validate(tomllib.loads(specs_folder.FLEET))

    def test_name_a_guests_host_and_probe_and_allow_what_is_benched(self) -> None:
        content = tomllib.loads(specs_folder.guest_spec("guest-01", "oslo", "10.91.0.101"))
        # As a spec's reader does: TOML has arrays of strings, the models tuples of members.
        spec = VmSpec.model_validate(content, strict=False)
        assert (spec.host, spec.probe.address, spec.allow) == ("oslo", "10.91.0.101", (Method.LIVE, Method.COLD))


class TestHostFiles:
    def test_name_certificates_only_where_there_are_any(self) -> None:
        with_tls, without = (host_files.qemu_conf(LAYOUT.hosts[0], tls=tls) for tls in (True, False))
        assert folders_named(with_tls) == {"default": "/etc/libvirt/tls"}
        assert folders_named(without) == {}

    def test_every_host_has_its_own_identity(self) -> None:
        first, second = (host_files.libvirtd_conf(host) for host in LAYOUT.hosts)
        assert f'host_uuid = "{LAYOUT.hosts[0].host_uuid}"' in first
        assert first != second
        assert 'migration_host = "10.91.0.12"' in host_files.qemu_conf(LAYOUT.hosts[1], tls=False)

    def test_everyone_knows_every_host(self) -> None:
        assert "10.91.0.12 bergen\n" in host_files.hosts_file(LAYOUT)


class TestNextCommands:
    def test_name_the_folder_only_where_it_is_not_the_default(self) -> None:
        assert next_commands(DEFAULT_FOLDER, "oslo")["remove the lab"] == "ferryman lab down"
        elsewhere = next_commands(Path("/srv/my lab"), "oslo")
        assert elsewhere["remove the lab"] == "ferryman lab down --folder '/srv/my lab'"


@pytest.mark.parametrize("script", ["init", "counter", "fill", "dirty"])
def test_the_guests_scripts_are_sound_shell(script: str) -> None:
    path = Path(host_files.__file__).parent / "guest" / script
    checked = subprocess.run(["sh", "-n", str(path)], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")
