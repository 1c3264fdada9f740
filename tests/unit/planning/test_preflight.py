"""What stands against a move, each finding with what mends it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from readings import (
    UUID,
    definition,
    detail,
    disk,
    domain,
    ends,
    fleet,
    host_detail,
    reading,
    vm_spec,
)

from ferryman.fleet.storage import DiskDevice
from ferryman.fleet.values import DomainDetail, HostDetail, Interface, Power
from ferryman.fleet.xml.live_obstacles import LiveObstacle
from ferryman.planning.findings import FindingCode, Severity
from ferryman.planning.methods import Choice, NoChoice, choose
from ferryman.planning.preflight import findings, matters
from ferryman.planning.storage import disk_plans
from ferryman.specs.choices import Method, StorageMode
from ferryman.specs.vm_spec import StorageSpec

NETWORK = Interface(mac="52:54:00:00:00:02", kind="network", source="lan")
MACVTAP = Interface(mac="52:54:00:00:00:03", kind="direct", source="eth1")
ON_OVS = Interface(mac="52:54:00:00:00:04", kind="bridge", source="ovs0", virtual_port="openvswitch")
TRANSIENT = replace(detail(), domain=domain(persistent=False))
CDROM = disk("sda", device=DiskDevice.CDROM, path="/iso/seed.iso")


def there(**more: Any) -> HostDetail:
    return host_detail("skopje", **more)


def test_nothing_stands_against_a_move_between_hosts_alike() -> None:
    assert findings(ends(), fleet()) == ()


@pytest.mark.parametrize(
    ("vm", "destination", "code", "remedy"),
    [
        (
            detail(),
            there(reading=replace(reading("skopje"), uuid="uuid-of-tallinn")),
            FindingCode.SAME_MACHINE,
            "host_uuid",
        ),
        (
            detail(),
            there(reading=replace(reading("skopje"), architecture="aarch64")),
            FindingCode.ARCHITECTURE,
            "same architecture",
        ),
        (detail(machine="pc-q35-9.0"), there(), FindingCode.MACHINE_MISSING, "Upgrade QEMU on skopje"),
        (detail(), there(bridges=frozenset()), FindingCode.BRIDGE_MISSING, "ip link add kvmbr0 type bridge"),
        (detail(interfaces=(NETWORK,)), there(), FindingCode.NETWORK_MISSING, "virsh net-start lan"),
        (
            detail(interfaces=(NETWORK,)),
            there(idle_networks=frozenset({"lan"})),
            FindingCode.NETWORK_INACTIVE,
            "virsh net-start lan && virsh net-autostart lan (on skopje)",
        ),
        (detail(interfaces=(MACVTAP,)), there(links=frozenset({"eth0"})), FindingCode.LINK_MISSING, "virsh edit"),
        (detail(interfaces=(ON_OVS,)), there(links=frozenset({"eth0"})), FindingCode.LINK_MISSING, "virsh edit"),
        (
            detail(),
            there(bridges=frozenset(), links=frozenset({"kvmbr0"})),
            FindingCode.BRIDGE_MISSING,
            "Another interface has that name",
        ),
        (
            detail(),
            there(reading=reading("skopje", replace(domain("other"), uuid=UUID))),
            FindingCode.UUID_TAKEN,
            "another UUID",
        ),
        (detail(), there(reading=reading("skopje", memory_mib=1535)), FindingCode.MEMORY_SHORT, "reserve_memory_mib"),
        (detail(snapshots=1), there(), FindingCode.SNAPSHOTS, "virsh snapshot-delete guest-01"),
        (detail(checkpoints=1), there(), FindingCode.CHECKPOINTS, "virsh checkpoint-delete guest-01"),
        (detail(managed_save=True), there(), FindingCode.MANAGED_SAVE, "virsh managedsave-remove guest-01"),
        (TRANSIENT, there(), FindingCode.TRANSIENT, "virsh define"),
        (detail(disk(), CDROM), there(), FindingCode.CDROM_INSERTED, "virsh change-media guest-01 sda --eject"),
    ],
    ids=lambda value: value.value if isinstance(value, FindingCode) else "",
)
def test_each_obstacle_comes_with_its_remedy(
    vm: DomainDetail, destination: HostDetail, code: FindingCode, remedy: str
) -> None:
    (finding,) = findings(ends(vm, destination), fleet())
    assert (finding.code, finding.severity) == (code, Severity.BLOCKER)
    assert remedy in finding.remedy


def test_a_hosts_devices_keep_a_running_vm_and_are_looked_for_by_a_person_where_it_is_off() -> None:
    live, cold = findings(ends(detail(host_devices=2)), fleet())
    assert (live.code, live.severity) == (FindingCode.HOST_DEVICE, Severity.BLOCKER)
    assert "virsh detach-device" in live.remedy
    assert (cold.code, cold.severity) == (FindingCode.HOST_DEVICE_COLD, Severity.WARNING)
    assert "virsh edit guest-01" in cold.remedy


def test_an_older_hypervisor_is_a_warning() -> None:
    older = there(reading=replace(reading("skopje"), hypervisor_version=6_001_002))
    (finding,) = findings(ends(None, older), fleet())
    assert (finding.code, finding.severity) == (FindingCode.OLDER_HYPERVISOR, Severity.WARNING)
    assert "QEMU 6.1.2, tallinn 7.2.0" in finding.reason


def test_all_obstacles_are_told_at_once() -> None:
    vm = detail(disk(), CDROM, interfaces=(NETWORK,), snapshots=1)
    found = {finding.code for finding in findings(ends(vm), fleet())}
    assert found == {FindingCode.NETWORK_MISSING, FindingCode.SNAPSHOTS, FindingCode.CDROM_INSERTED}


def test_bridges_that_could_not_be_read_are_not_called_missing() -> None:
    assert findings(ends(None, there(bridges=None)), fleet()) == ()


def test_what_is_joined_by_its_name_alone_is_there_or_could_not_be_looked_for() -> None:
    vm = detail(interfaces=(MACVTAP, ON_OVS))
    assert findings(ends(vm, there(links=frozenset({"eth1", "ovs0"}))), fleet()) == ()
    assert findings(ends(vm, there(links=None)), fleet()) == ()


def test_a_vm_that_is_off_needs_no_memory() -> None:
    full = there(reading=reading("skopje", memory_mib=512))
    assert findings(ends(detail(power=Power.SHUT_OFF), full), fleet()) == ()


def test_an_empty_drive_is_no_obstacle() -> None:
    empty = disk("sda", device=DiskDevice.CDROM, source_kind="", path="")
    assert findings(ends(detail(disk(), empty)), fleet()) == ()


@pytest.mark.parametrize("obstacle", LiveObstacle)
def test_what_does_not_migrate_stands_against_moves_while_it_runs(obstacle: LiveObstacle) -> None:
    (finding,) = findings(ends(detail(live_obstacles=(obstacle,))), fleet())
    assert (finding.code, finding.severity) == (FindingCode.LIVE_OBSTACLE, Severity.BLOCKER)
    assert "virsh" in finding.remedy
    assert finding.remedy.endswith("or allow cold.")
    assert [method for method in Method if matters(finding, method)] == [Method.LIVE, Method.POST_COPY, Method.PAUSED]


def test_auto_goes_cold_where_something_does_not_migrate_and_cold_is_allowed() -> None:
    vm = detail(live_obstacles=(LiveObstacle.VIRTIOFS,))
    found = findings(ends(vm), fleet())
    choice = choose(vm_spec(allow=["live", "cold"]), vm, found)
    assert isinstance(choice, Choice)
    assert choice.method is Method.COLD
    assert "virtiofs" in choice.rejected[0].reason
    assert isinstance(choose(vm_spec(), vm, found), NoChoice)


class TestHugePages:
    @staticmethod
    def vm(pages: str = "", power: Power = Power.RUNNING) -> DomainDetail:
        backing = f"<memoryBacking><hugepages>{pages}</hugepages></memoryBacking></domain>"
        return detail(power=power, xml=definition(disk()).replace("</domain>", backing))

    @pytest.mark.parametrize(
        ("pages", "free", "needed"),
        [
            ("", {2048: 511}, "511 free huge pages of 2048 KiB, the VM needs 512"),
            (
                "<page size='2048' unit='KiB'/>",
                {2048: 0, 1048576: 8},
                "0 free huge pages of 2048 KiB, the VM needs 512",
            ),
            ("<page size='1048576' unit='KiB'/>", {2048: 900}, "0 free huge pages of 1048576 KiB, the VM needs 1"),
            ("", {}, "0 free huge pages of 2048 KiB, the VM needs 512"),
        ],
    )
    def test_too_few(self, pages: str, free: dict[int, int], needed: str) -> None:
        (finding,) = findings(ends(self.vm(pages), there(free_pages=free)), fleet())
        assert (finding.code, finding.severity) == (FindingCode.HUGE_PAGES_SHORT, Severity.BLOCKER)
        assert needed in finding.reason
        assert "nr_hugepages" in finding.remedy
        assert matters(finding, Method.COLD)

    @pytest.mark.parametrize("free", [{2048: 512}, None], ids=["enough", "not known"])
    def test_no_more_than_that_is_needed(self, free: dict[int, int] | None) -> None:
        assert findings(ends(self.vm(), there(free_pages=free)), fleet()) == ()

    def test_none_is_needed_by_a_vm_that_is_off_or_has_ordinary_memory(self) -> None:
        assert findings(ends(self.vm(power=Power.SHUT_OFF), there(free_pages={})), fleet()) == ()
        assert findings(ends(detail(), there(free_pages={})), fleet()) == ()


def test_a_disk_that_other_vms_may_write_to_is_not_copied() -> None:
    vm = detail(disk(shareable=True))
    plans, _ = disk_plans(vm, StorageSpec(), there(), {})
    (finding,) = findings(ends(vm, there()), fleet(), plans)
    assert (finding.code, finding.severity) == (FindingCode.DISK_SHAREABLE, Severity.BLOCKER)
    assert "is <shareable/>" in finding.reason
    assert 'storage that tallinn and skopje both see ([storage] mode = "shared")' in finding.remedy


def test_a_disk_that_its_vm_only_reads_is_not_copied_live() -> None:
    vm = detail(disk(read_only=True))
    plans, _ = disk_plans(vm, StorageSpec(), there(), {})
    (finding,) = findings(ends(vm, there()), fleet(), plans)
    assert (finding.code, finding.severity) == (FindingCode.DISK_READ_ONLY, Severity.BLOCKER)
    assert finding.reason == "vda: it is <readonly/>, and a live migration copies no such disk"
    assert {method for method in Method if matters(finding, method)} == set(Method) - {Method.COLD, Method.AUTO}


@pytest.mark.parametrize("kind", ["shareable", "read_only"])
def test_where_it_stays_nothing_stands_against_that(kind: str) -> None:
    vm = detail(disk(**{kind: True}))
    plans, _ = disk_plans(vm, StorageSpec(mode=StorageMode.SHARED), there(), {})
    found = {finding.code for finding in findings(ends(vm, there()), fleet(), plans)}
    assert not found & {FindingCode.DISK_SHAREABLE, FindingCode.DISK_READ_ONLY}
