"""A running VM whose persistent definition is another: what it would come to where that is started."""

from __future__ import annotations

from dataclasses import replace

import pytest
from readings import ON_KVMBR0, VM, definition, detail, disk, domain, ends, fleet, host_detail, volume

from ferryman.fleet.storage import Disk, DiskDevice, VolumeRef
from ferryman.fleet.values import Domain, DomainDetail, Power
from ferryman.planning.arriving import adaptation
from ferryman.planning.findings import Finding, FindingCode, Severity
from ferryman.planning.preflight import findings, matters
from ferryman.specs.choices import Method
from ferryman.specs.host_spec import ArrivalSpec

EVERY_WAY = {Method.LIVE, Method.POST_COPY, Method.PAUSED, Method.COLD}
HOSTDEV = "<hostdev mode='subsystem' type='pci'/>"
ISO = disk("sda", device=DiskDevice.CDROM, path="/iso/seed.iso")
EMPTY = disk("sda", device=DiskDevice.CDROM, source_kind="", path="")
SECOND = disk("vdb", path="/var/lib/libvirt/images/second.img", format="raw")


def joins(kind: str, name: str) -> str:
    return f"<interface type='{kind}'><source {kind}='{name}'/></interface>"


def only(vm: DomainDetail, *, eject_cdrom: bool = False) -> Finding:
    (finding,) = findings(ends(vm), fleet(), eject_cdrom=eject_cdrom)
    return finding


def concerns(finding: Finding) -> set[Method]:
    return {method for method in EVERY_WAY if matters(finding, method)}


def test_a_disk_that_only_the_definition_has() -> None:
    finding = only(detail(xml=definition(disk(), SECOND)))
    assert (finding.code, finding.severity) == (FindingCode.DISK_ONLY_DEFINED, Severity.BLOCKER)
    assert "vdb: /var/lib/libvirt/images/second.img is in its definition (not in the running VM)" in finding.reason
    assert f"virsh detach-disk {VM} vdb --config" in finding.remedy
    assert f"virsh attach-disk {VM} /var/lib/libvirt/images/second.img vdb" in finding.remedy
    assert concerns(finding) == EVERY_WAY


def test_a_disk_that_is_another_in_the_definition() -> None:
    finding = only(detail(xml=definition(disk(path="/var/lib/libvirt/images/other.img"))))
    assert finding.code is FindingCode.DISK_ONLY_DEFINED
    assert "vda: /var/lib/libvirt/images/other.img" in finding.reason


def test_a_volume_that_is_another_in_the_definition() -> None:
    here = disk(source_kind="volume")
    assert findings(ends(detail(here)), fleet()) == ()
    other = disk(source_kind="volume", held=volume(VolumeRef(pool="vms", name="other.img")))
    assert "vda: vms/other.img" in only(detail(here, xml=definition(other))).reason


def test_a_disk_that_only_runs_would_be_lacking_after_a_cold_move() -> None:
    finding = only(detail(disk(), SECOND, xml=definition(disk())))
    assert (finding.code, finding.severity) == (FindingCode.DISK_ONLY_RUNNING, Severity.BLOCKER)
    assert f"virsh attach-disk {VM} {SECOND.path} vdb --subdriver raw --config" in finding.remedy
    assert f"virsh detach-disk {VM} vdb --live" in finding.remedy
    assert concerns(finding) == {Method.COLD}


def test_a_network_disk_is_reached_from_everywhere() -> None:
    remote = disk("vdb", source_kind="network", path="rbd:pool/second")
    assert findings(ends(detail(xml=definition(disk(), remote))), fleet()) == ()


@pytest.mark.parametrize(
    ("running", "defined", "flags"),
    [(ISO, ISO, "--live --config"), (ISO, EMPTY, "--live"), (EMPTY, ISO, "--config")],
    ids=["in both", "as it runs", "as it is defined"],
)
def test_a_medium_is_ejected_wherever_it_is(running: Disk, defined: Disk, flags: str) -> None:
    vm = detail(disk(), running, xml=definition(disk(), defined))
    finding = only(vm)
    assert (finding.code, finding.severity) == (FindingCode.CDROM_INSERTED, Severity.BLOCKER)
    assert f"virsh change-media {VM} sda --eject {flags};" in finding.remedy
    assert ("in its definition (not in the running VM)" in finding.reason) == (flags == "--config")
    assert only(vm, eject_cdrom=True).severity is Severity.WARNING


@pytest.mark.parametrize(
    ("devices", "code"),
    [
        (joins("bridge", "br-new"), FindingCode.BRIDGE_MISSING),
        (joins("network", "lan"), FindingCode.NETWORK_MISSING),
    ],
)
def test_what_an_interface_of_the_definition_joins_is_looked_for(devices: str, code: FindingCode) -> None:
    finding = only(detail(xml=definition(disk(), devices=devices)))
    assert (finding.code, finding.severity) == (code, Severity.BLOCKER)
    assert finding.reason.startswith("in its definition (not in the running VM): skopje has no ")
    assert concerns(finding) == EVERY_WAY


def test_what_an_interface_of_the_definition_joins_is_renamed_too() -> None:
    vm = detail(xml=definition(disk(), devices=joins("bridge", "br-new")))
    arrivals = ArrivalSpec(bridges={"br-new": "br7"})
    assert adaptation(vm, (), host_detail(), arrivals).bridges == {"br-new": "br7"}


def test_an_interface_of_both_is_looked_for_once() -> None:
    both = detail(interfaces=(replace(ON_KVMBR0, source="br0"),))
    vm = replace(both, xml=definition(disk(), devices=joins("bridge", "br0")))
    assert "definition" not in only(vm).reason


def test_a_device_of_the_host_that_only_the_definition_has_is_a_warning() -> None:
    finding = only(detail(xml=definition(disk(), devices=HOSTDEV)))
    assert (finding.code, finding.severity) == (FindingCode.HOST_DEVICE_DEFINED, Severity.WARNING)
    assert "virsh edit" in finding.remedy


@pytest.mark.parametrize("one", [domain(power=Power.SHUT_OFF), domain(persistent=False)], ids=["off", "transient"])
def test_a_vm_that_is_off_or_transient_has_one_xml_only(one: Domain) -> None:
    vm = replace(detail(xml=definition(disk(), SECOND)), domain=one)
    assert FindingCode.DISK_ONLY_DEFINED not in {finding.code for finding in findings(ends(vm), fleet())}
