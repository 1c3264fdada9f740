"""Disks that are files here and block devices there, and what a machine keeps besides its disks."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Callable, Iterator

import pytest
from daemon_run import DaemonRun
from running import RunningLab

from ferryman.lab import block_devices
from ferryman.lab.guest_xml import DiskFormat
from ferryman.records.audit.record import MigrationRecord, Outcome

pytestmark = pytest.mark.soak

VM = "shifter"
_MIB = 16


@pytest.fixture(scope="module")
def shifter(lab: RunningLab) -> Iterator[str]:
    """A running guest on a qcow2 file of the first host; the second has a block device for its disk."""
    lab.add_guest(VM, lab.hosts[0], disk_mib=_MIB, disk_format=DiskFormat.QCOW2)
    block_devices.add(lab.ledger, lab.hosts[1], "spare", _MIB)
    yield VM
    lab.remove_guest(VM)
    block_devices.remove(lab.ledger, lab.hosts[1], "spare")


def moved(daemon: DaemonRun, lab: RunningLab, vm: str, to: str) -> MigrationRecord:
    """The record of a move that went well."""
    daemon.specs.place(vm, to)
    assert daemon.once() == 0, daemon.log_text()
    assert lab.whereabouts(vm).keys() == {to}
    record = daemon.records()[-1]
    assert record.outcome is Outcome.SUCCEEDED, record.reason
    return record


def test_from_a_file_to_a_block_device_cold_and_back_live(
    shifter: str, lab: RunningLab, daemon_for: Callable[..., DaemonRun]
) -> None:
    first, second = lab.hosts[:2]
    before = lab.wait_until_ready(shifter)
    daemon = daemon_for(shifter)
    daemon.specs.replace(f"vms/{shifter}.toml", 'method = "auto"', 'method = "cold"')
    daemon.specs.append(
        f"vms/{shifter}.toml", '[storage]\noverwrite = { vda = "blocks/spare" }\n[cold]\ncompare = true\n'
    )
    daemon.specs.move(shifter, second)
    previewed = daemon.ferryman("plan", "--show-xml", "--specs", str(daemon.specs.folder))
    assert "<source dev=" in previewed.stdout, previewed.stdout + previewed.stderr
    moved(daemon, lab, shifter, second)
    onto_device = lab.wait_until_ready(shifter)
    assert onto_device >= before
    assert "<source dev=" in lab.virsh(second, "dumpxml", "--inactive", shifter)
    back = daemon_for(shifter)
    back.specs.append(f"vms/{shifter}.toml", '[storage]\nformat = "qcow2"\npools = { blocks = "vms" }\n')
    moved(back, lab, shifter, first)
    assert lab.wait_until_ready(shifter) >= onto_device
    xml = lab.virsh(first, "dumpxml", "--inactive", shifter)
    assert "type='qcow2'" in xml
    assert "<source file=" in xml


def test_a_larger_device_is_refused_beforehand_until_the_disk_is_made_as_large(
    lab: RunningLab, daemon_for: Callable[..., DaemonRun]
) -> None:
    first, second = lab.hosts[:2]
    lab.add_guest("grower", first, disk_mib=_MIB, disk_format=DiskFormat.QCOW2)
    block_devices.add(lab.ledger, second, "roomy", _MIB + 4)
    try:
        before = lab.wait_until_ready("grower")
        daemon = daemon_for("grower")
        daemon.specs.append("vms/grower.toml", '[storage]\noverwrite = { vda = "blocks/roomy" }\n')
        daemon.specs.move("grower", second)
        plan = daemon.ferryman("plan", "--json", "--specs", str(daemon.specs.folder))
        findings = json.loads(plan.stdout)["decisions"]["grower"]["findings"]
        (remedy,) = [one["remedy"] for one in findings if one["code"] == "volume-larger"]
        grow = remedy.partition("virsh ")[2].partition(";")[0]
        lab.virsh(first, *grow.split())
        moved(daemon, lab, "grower", second)
        assert lab.wait_until_ready("grower") >= before
    finally:
        lab.remove_guest("grower")
        block_devices.remove(lab.ledger, second, "roomy")


def test_what_is_off_arrives_as_it_was_with_its_firmwares_variables(
    lab: RunningLab, daemon_for: Callable[..., DaemonRun]
) -> None:
    first, second = lab.hosts[:2]
    lab.add_guest("firm", first, off=True, disk_mib=_MIB, uefi=True)
    try:
        xml = lab.virsh(first, "dumpxml", "--inactive", "firm")
        nvram = xml.partition("<nvram")[2].partition(">")[2].partition("<")[0]
        write = f"mkdir -p $(dirname {nvram}) && echo 'boot order' > {nvram} && chmod 600 {nvram}"
        lab.ledger.namespace(first).run("sh", "-c", write)
        lab.virsh(first, "desc", "firm", "--config", "--title", "Payroll")
        lab.virsh(first, "autostart", "firm")
        moved(daemon_for("firm"), lab, "firm", second)
        assert lab.whereabouts("firm") == {second: "shut off"}
        assert lab.virsh(second, "desc", "firm", "--config", "--title").strip() == "Payroll"
        assert "enable" in lab.virsh(second, "dominfo", "firm").partition("Autostart:")[2].splitlines()[0]
        assert lab.ledger.namespace(second).run("cat", nvram) == "boot order\n"
        assert lab.ledger.namespace(second).run("stat", "-c", "%a", nvram) == "600\n"
    finally:
        lab.remove_guest("firm")


def tpm_state(lab: RunningLab, vm: str, host: str) -> bytes:
    """What the host keeps of the VM's TPM; it must keep some."""
    uuid = lab.virsh(host, "domuuid", vm).strip()
    path = f"/var/lib/libvirt/swtpm/{uuid}/tpm2/tpm2-00.permall"
    return b64decode(lab.ledger.namespace(host).run("base64", path))


def differing_bytes(one: bytes, other: bytes) -> int:
    """Of two states. A TPM's start changes some tens of its 3,000 bytes; another TPM has other seeds: 1,700."""
    assert len(one) == len(other)
    return sum(here != there for here, there in zip(one, other, strict=True))


def test_a_tpm_is_the_same_one_after_a_cold_move(lab: RunningLab, daemon_for: Callable[..., DaemonRun]) -> None:
    first, second, third = lab.hosts
    lab.add_guest("sealed", first, disk_mib=_MIB, tpm=True)
    try:
        here = tpm_state(lab, "sealed", first)
        daemon = daemon_for("sealed")
        daemon.specs.replace("vms/sealed.toml", 'method = "auto"', 'method = "cold"')
        record = moved(daemon, lab, "sealed", second)
        assert "bringing machine files" in [phase.name for phase in record.phases]
        lab.wait_until_ready("sealed")
        assert differing_bytes(here, tpm_state(lab, "sealed", second)) < 100
        lab.virsh(second, "destroy", "sealed")
        there = tpm_state(lab, "sealed", second)
        moved(daemon_for("sealed"), lab, "sealed", third)
        assert tpm_state(lab, "sealed", third) == there
    finally:
        lab.remove_guest("sealed")
