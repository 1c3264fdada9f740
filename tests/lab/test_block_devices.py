"""Block devices in place of logical volumes, UEFI and a TPM: guests as real fleets have them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from running import RunningLab, lab_command

from ferryman.lab import block_devices, guests, ledger, processes
from ferryman.lab import lab as labs
from ferryman.lab.guest_xml import DiskHome
from ferryman.lab.layout import plan_layout
from ferryman.lab.options import DEFAULT_CACHE
from ferryman.lab.shell import LabError

pytestmark = pytest.mark.soak

MIB = 1024 * 1024


def attached(folder: Path) -> list[str]:
    """The machine's loop devices over files of this lab."""
    listed = ["losetup", "--list", "--noheadings", "--output", "BACK-FILE"]
    done = subprocess.run(listed, capture_output=True, text=True, check=True)
    return [line for line in done.stdout.splitlines() if line.startswith(str(folder))]


def run(lab: RunningLab, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`ferryman lab block ARGUMENTS`."""
    command = lab_command("block", lab.folder)
    return subprocess.run([*command[:4], *arguments, *command[4:]], capture_output=True, text=True, check=False)


def test_a_hosts_block_device_is_a_volume_there_and_nowhere_else(lab: RunningLab) -> None:
    host, other = lab.hosts[:2]
    done = run(lab, "add", "spare", "--on", host, "--mib", "20")
    assert done.returncode == 0, done.stderr
    size, first = (
        lab.ledger.namespace(host).run(*command)
        for command in (
            ("blockdev", "--getsize64", block_devices.path_of("spare")),
            ("virsh", "--quiet", "vol-list", "blocks", "--details"),
        )
    )
    assert int(size) == 20 * MIB
    assert "20.00 MiB" in first
    assert "spare" not in lab.virsh(other, "vol-list", "blocks")
    with pytest.raises(LabError, match="already"):
        block_devices.add(lab.ledger, host, "spare", 20)
    assert run(lab, "remove", "spare", "--on", host).returncode == 0
    assert attached(lab.folder) == []
    assert "spare" not in lab.virsh(host, "vol-list", "blocks")
    assert "has no block device" in run(lab, "remove", "spare", "--on", host).stderr


def test_a_guest_on_a_block_device_moves_live_to_another(lab: RunningLab) -> None:
    home, away = lab.hosts[:2]
    lab.add_guest("on-block", home, disk=DiskHome.BLOCK, disk_mib=16)
    before = lab.counter("on-block")
    block_devices.add(lab.ledger, away, "on-block", 16)
    flags = ["--live", "--p2p", "--persistent", "--undefinesource", "--copy-storage-all"]
    lab.virsh(home, "migrate", *flags, "on-block", f"qemu+ssh://root@{away}/system")
    assert lab.whereabouts("on-block") == {away: "running"}
    assert lab.wait_until_ready("on-block") >= before
    assert len(attached(lab.folder)) == 2
    lab.remove_guest("on-block")
    assert attached(lab.folder) == []


def test_a_lab_that_was_killed_gives_its_loop_devices_back(tmp_path: Path, lab: RunningLab) -> None:
    layout = plan_layout(tmp_path / "killed", ("alpha", "beta"), str(lab.ledger.layout.subnet))
    killed = labs.up(layout, DEFAULT_CACHE, print)
    block_devices.add(killed, "beta", "spare", 4)
    assert len(attached(layout.folder)) == 1
    for holder in killed.namespaces.values():
        processes.end(holder.holder)
    labs.down(layout.folder, print)
    assert attached(layout.folder) == []
    assert not ledger.exists(layout.folder)


def test_a_guest_with_uefi_and_a_tpm_boots_and_keeps_its_settings_apart(lab: RunningLab) -> None:
    host = lab.hosts[0]
    lab.add_guest("modern", host, uefi=True, tpm=True, memory_mib=192)
    xml = lab.virsh(host, "dumpxml", "modern")
    assert "OVMF_CODE" in xml
    assert "/var/lib/libvirt/qemu/nvram/modern.fd" in xml
    namespace = lab.ledger.namespace(host)
    assert namespace.run("ls", "/var/lib/libvirt/qemu/nvram").split() == ["modern.fd"]
    assert namespace.run("find", "/var/lib/libvirt/swtpm", "-name", "tpm2-00.permall").strip() != ""
    guests.remove(lab.ledger, "modern")
    assert namespace.run("ls", "/var/lib/libvirt/qemu/nvram") == ""
    assert not Path("/var/log/swtpm").exists()
