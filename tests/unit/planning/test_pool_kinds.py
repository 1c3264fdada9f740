"""One table of pool kinds, by which everything judges."""

from __future__ import annotations

from dataclasses import replace

import pytest
from readings import detail, disk, host_detail, pool, volume

from ferryman.fleet.xml.adapting import SourceKind
from ferryman.planning.arriving import adaptation
from ferryman.planning.plans import DiskTransfer
from ferryman.planning.pool_kinds import FILES, KINDS, traits
from ferryman.planning.storage import disk_plans
from ferryman.specs.host_spec import ArrivalSpec
from ferryman.specs.vm_spec import StorageSpec

LIBVIRT_9_KINDS = {
    *("dir", "fs", "netfs", "logical", "disk", "iscsi", "iscsi-direct", "scsi", "mpath", "rbd", "sheepdog"),
    *("gluster", "zfs", "vstorage"),
}


def test_the_table_has_every_kind_of_libvirt_and_no_other() -> None:
    assert set(KINDS) == LIBVIRT_9_KINDS


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_disk_that_arrives_on_a_device_is_raw_and_a_block_device(kind: str) -> None:
    """In its plan as in its definition, where it is named by a path at all."""
    there = host_detail("skopje", replace(pool(kind=kind), target_path="/elsewhere"))
    vm = detail(disk(held=volume()))
    plans, _ = disk_plans(vm, StorageSpec(), there, {})
    defined = adaptation(vm, plans, there, ArrivalSpec()).disks["vda"]
    assert plans[0].format == defined.format
    assert (defined.format == "raw") is traits(kind).raw_only
    assert (defined.kind is SourceKind.BLOCK) is traits(kind).device
    assert not traits(kind).device or traits(kind).raw_only


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_what_takes_all_of_its_size_at_once_needs_that_much_room(kind: str) -> None:
    there = host_detail("skopje", pool(kind=kind, available_mib=20))
    _, findings = disk_plans(detail(), StorageSpec(), there, {})
    refused = any("disks take 64 MiB" in finding.reason for finding in findings)
    assert refused is traits(kind).takes_whole_size


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_only_shared_kinds_are_taken_for_shared(kind: str) -> None:
    there = host_detail("skopje", pool(kind=kind), volumes=(volume(),))
    plans, _ = disk_plans(detail(), StorageSpec(), there, {})
    assert (plans[0].transfer is DiskTransfer.SHARED) is traits(kind).shared


def test_a_kind_that_nobody_knows_is_taken_for_a_folder() -> None:
    assert traits("of-tomorrow") == FILES
