"""A volume that a VM of the destination came to use after the plan was made is neither deleted nor overwritten."""

from __future__ import annotations

from dataclasses import replace

import pytest
from stand import VM, Stand

from ferryman.fleet.fake.hosts import DISK, vm_xml
from ferryman.fleet.fake.storage import FakePool, FakeVolume, length_of
from ferryman.migration.attempt import carry_out
from ferryman.migration.order import Order
from ferryman.records.audit.record import Outcome
from ferryman.specs.choices import Method
from ferryman.specs.vm_spec import StorageSpec

IMAGE = f"{VM}.img"
THEIRS = (b"theirs", length_of(DISK) - len(b"theirs"))
METHODS = [Method.LIVE, Method.COLD]


def used_since(stand: Stand, order: Order, name: str) -> None:
    """Another VM, shut off, has a disk on this volume by now; the move must fail and leave both as they were."""
    path = f"/var/lib/libvirt/images/{name}"
    stand.destination.definitions.define(vm_xml("guest-01-test", disk_path=path), autostart=False)
    record = carry_out(order, stand.services())
    assert record is not None
    assert record.outcome is Outcome.FAILED
    assert "is a disk of guest-01-test: it is neither overwritten nor deleted" in record.reason
    assert "virsh domblklist guest-01-test (on skopje)" in record.remedy
    assert stand.destination.pools["vms"].volumes[name].content == THEIRS
    assert stand.source.pools["vms"].volumes[IMAGE].content == DISK
    assert stand.fleet.running(VM) == ("tallinn",)


@pytest.mark.parametrize("method", METHODS)
def test_a_leftover(stand: Stand, method: Method) -> None:
    order = stand.order(method)
    disks = tuple(replace(disk, replaces_leftover=True) for disk in order.plan.disks)
    stand.destination.pools["vms"].volumes[IMAGE] = FakeVolume(content=THEIRS)
    used_since(stand, replace(order, plan=replace(order.plan, disks=disks)), IMAGE)
    assert stand.volumes_at_destination() == {IMAGE}


@pytest.mark.parametrize("method", METHODS)
def test_a_volume_that_its_spec_gives_up(stand: Stand, method: Method) -> None:
    stand.destination.pools["vms"].volumes["given.img"] = FakeVolume(content=THEIRS)
    order = stand.order(method, storage=StorageSpec(overwrite={"vda": "vms/given.img"}))
    used_since(stand, order, "given.img")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("given", [IMAGE, "guest-02.img"], ids=["its own", "another VM's"])
def test_a_disk_of_the_source_that_its_spec_gives_up_on_shared_storage(
    stand: Stand, method: Method, given: str
) -> None:
    """Nothing says that the folder is shared, and at the destination no VM has a disk on it."""
    stand.source.add_vm("guest-02", running=False)
    shared = stand.source.pools["vms"]
    stand.destination.pools["vms"] = FakePool(volumes=shared.volumes)
    order = stand.order(method, storage=StorageSpec(overwrite={"vda": f"vms/{given}"}))
    record = carry_out(order, stand.services())
    assert record is not None
    assert record.outcome is Outcome.FAILED
    assert f"vms/{given} on tallinn is a disk of {given.removesuffix('.img')}" in record.reason
    assert {name: volume.content for name, volume in shared.volumes.items()} == {IMAGE: DISK, "guest-02.img": DISK}
    assert stand.fleet.running(VM) == ("tallinn",)


@pytest.mark.parametrize("method", METHODS)
def test_a_volume_of_the_same_name_on_storage_of_its_own_is_given_up_as_its_spec_says(
    stand: Stand, method: Method
) -> None:
    stand.destination.pools["vms"].volumes[IMAGE] = FakeVolume(content=THEIRS)
    record = carry_out(stand.order(method, storage=StorageSpec(overwrite={"vda": f"vms/{IMAGE}"})), stand.services())
    assert record is not None
    assert record.outcome is Outcome.SUCCEEDED, record.reason
    assert stand.destination.pools["vms"].volumes[IMAGE].content == DISK
    assert stand.volumes_at_destination() == {IMAGE}
