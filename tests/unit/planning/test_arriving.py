"""What a VM uses at its destination instead of what it had."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from readings import VM, detail, disk, ends, fleet, host_detail, pool, vm_spec, volume

from ferryman.fleet.storage import VolumeRef
from ferryman.fleet.values import DomainDetail, Interface
from ferryman.fleet.xml.adapting import Adaptation, DiskSource, SourceKind
from ferryman.planning.aiming import Aim
from ferryman.planning.arriving import adaptation, storage_at
from ferryman.planning.decisions import Refused
from ferryman.planning.findings import FindingCode
from ferryman.planning.placement import Fleet
from ferryman.planning.planning import plan
from ferryman.planning.plans import Cause, Plan
from ferryman.planning.storage import destination_ref, disk_plans
from ferryman.specs.choices import StorageMode
from ferryman.specs.host_spec import ArrivalSpec
from ferryman.specs.vm_spec import StorageSpec


def arriving(**arrivals: dict[str, str]) -> Fleet:
    """The fleet, whose host skopje maps what comes to it."""
    plain = fleet()
    skopje = plain.hosts["skopje"].model_copy(update={"arrivals": ArrivalSpec.model_validate(arrivals)})
    return replace(plain, hosts={**plain.hosts, "skopje": skopje})


def planned(through: Fleet, **there: Any) -> Plan | Refused:
    looked_at = detail()
    aimed = Aim(vm=VM, source="tallinn", destinations=("skopje",), cause=Cause.SPEC, why="", domain=looked_at.domain)
    return plan(aimed, vm_spec(), through, ends(looked_at, host_detail(**there)), {})


@pytest.mark.parametrize(
    ("of_the_vm", "of_the_host", "pool_there"),
    [({}, {}, "vms"), ({}, {"vms": "fast"}, "fast"), ({"vms": "own"}, {"vms": "fast"}, "own"), ({}, {"x": "y"}, "vms")],
)
def test_a_vms_own_pools_come_before_the_destinations(
    of_the_vm: dict[str, str], of_the_host: dict[str, str], pool_there: str
) -> None:
    storage = storage_at(StorageSpec(pools=of_the_vm), ArrivalSpec(pools=of_the_host))
    assert destination_ref(disk(), storage) == VolumeRef(pool=pool_there, name=f"{VM}.qcow2")


def test_the_path_is_the_one_that_the_pool_will_give() -> None:
    storage = StorageSpec(pools={"vms": "group"})
    there = host_detail("skopje", replace(pool("group", kind="logical"), target_path="/dev/group"))
    disks, _ = disk_plans(detail(), storage, there, {})
    assert adaptation(detail(), disks, there, ArrivalSpec()).disks == {
        "vda": DiskSource(kind=SourceKind.BLOCK, path=f"/dev/group/{VM}.qcow2", format="raw")
    }


def test_where_all_names_are_the_same_nothing_is_adapted() -> None:
    disks, _ = disk_plans(detail(), StorageSpec(), host_detail(), {})
    arrivals = ArrivalSpec(pools={"other": "x"}, bridges={"other": "y"}, networks={"kvmbr0": "no network"})
    assert adaptation(detail(), disks, host_detail(), arrivals) == Adaptation()


def test_only_what_the_vm_uses_is_in_its_plan() -> None:
    decided = planned(arriving(bridges={"kvmbr0": "br7", "br1": "br2"}), bridges=frozenset({"br7"}))
    assert isinstance(decided, Plan)
    assert decided.adaptation == Adaptation(bridges={"kvmbr0": "br7"})


def test_the_mapped_bridge_is_the_one_that_must_be_there() -> None:
    refused = planned(arriving(bridges={"kvmbr0": "br7"}))
    assert isinstance(refused, Refused)
    (finding,) = refused.findings
    assert finding.code is FindingCode.BRIDGE_MISSING
    assert "skopje has no bridge br7 (mapped from kvmbr0 by its [arrivals])" in finding.reason


def test_the_mapped_network_is_the_one_that_must_be_there() -> None:
    vm = detail(interfaces=(Interface(mac="52:54:00:00:00:01", kind="network", source="default"),))
    disks, _ = disk_plans(vm, StorageSpec(), host_detail(), {})
    arrivals = ArrivalSpec(networks={"default": "guests"}, bridges={"default": "no bridge"})
    assert adaptation(vm, disks, host_detail(), arrivals) == Adaptation(networks={"default": "guests"})


def test_without_a_mapping_the_remedy_names_where_to_write_one() -> None:
    refused = planned(fleet(), bridges=frozenset({"br7"}))
    assert isinstance(refused, Refused)
    assert 'hosts/skopje.toml: [arrivals] bridges = { kvmbr0 = "BRIDGE" }' in refused.findings[0].remedy


def test_the_volume_that_is_there_already_is_looked_for_in_the_mapped_pool() -> None:
    taken = volume(VolumeRef(pool="fast", name=f"{VM}.qcow2"))
    there = host_detail("skopje", pool("fast"), volumes=(taken,))
    refused = plan(
        Aim(vm=VM, source="tallinn", destinations=("skopje",), cause=Cause.SPEC, why="", domain=detail().domain),
        vm_spec(),
        arriving(pools={"vms": "fast"}),
        ends(detail(), there),
        {},
    )
    assert isinstance(refused, Refused)
    assert [finding.code for finding in refused.findings] == [FindingCode.VOLUME_EXISTS]


class TestShared:
    """A disk that stays where it is, in a pool that the destination has under another path or name."""

    SPEC = StorageSpec(mode=StorageMode.SHARED)

    def adapted_to(self, vm: DomainDetail, path: str, spec: StorageSpec = SPEC, pool_there: str = "vms") -> Adaptation:
        there = volume(VolumeRef(pool=pool_there, name=f"{VM}.qcow2"))
        destination = host_detail("skopje", pool(pool_there), volumes=(replace(there, path=path),))
        disks, findings = disk_plans(vm, spec, destination, {})
        assert findings == ()
        return adaptation(vm, disks, destination, ArrivalSpec())

    def test_it_has_the_path_that_it_has_there(self) -> None:
        path = f"/mnt/nas/{VM}.qcow2"
        assert self.adapted_to(detail(), path) == Adaptation(
            disks={"vda": DiskSource(kind=SourceKind.FILE, path=path, format="qcow2")}
        )

    def test_where_the_path_is_the_same_nothing_is_adapted(self) -> None:
        assert self.adapted_to(detail(), volume().path) == Adaptation()

    def test_what_its_definition_says_of_the_content_holds_there_too(self) -> None:
        vm = detail(disk(format="raw", source_kind="block"))
        assert self.adapted_to(vm, "/dev/disk/by-path/ip-10.0.0.9").disks == {
            "vda": DiskSource(kind=SourceKind.BLOCK, path="/dev/disk/by-path/ip-10.0.0.9", format="raw")
        }

    def test_the_images_below_it_are_found_out_there(self) -> None:
        assert self.adapted_to(detail(disk(backing=True)), "/mnt/nas/a").flattened == ("vda",)
        assert self.adapted_to(detail(disk(backing=True)), volume().path).flattened == ()

    @pytest.mark.parametrize("mode", [StorageMode.SHARED, StorageMode.COPY])
    def test_a_disk_that_is_named_by_its_pool_is_named_by_its_path_where_the_pool_has_another_name(
        self, mode: StorageMode
    ) -> None:
        vm, spec = detail(disk(source_kind="volume")), StorageSpec(mode=mode, pools={"vms": "nas"})
        destination = host_detail("skopje", pool("nas"))
        if mode is StorageMode.SHARED:
            there = volume(VolumeRef(pool="nas", name=f"{VM}.qcow2"))
            destination = replace(destination, volumes={there.ref: there})
        disks, _ = disk_plans(vm, spec, destination, {})
        assert adaptation(vm, disks, destination, ArrivalSpec()).disks == {
            "vda": DiskSource(kind=SourceKind.FILE, path=volume().path, format="qcow2")
        }
