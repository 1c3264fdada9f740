"""Live moves of a disk that is a layer over another image: the fake refuses half a chain, as QEMU would not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from stand import VM, Stand

from ferryman.fleet.fake.hosts import DISK
from ferryman.fleet.fake.storage import FakeVolume, empty
from ferryman.fleet.storage import BackingImage
from ferryman.migration.attempt import carry_out
from ferryman.planning.plans import DiskImage
from ferryman.records.audit.record import Outcome
from ferryman.specs.choices import BackingChain, Method
from ferryman.specs.vm_spec import StorageSpec

IMAGE = f"{VM}.img"
OVER = BackingImage(path="/var/lib/libvirt/images/base.img", format="raw")


@pytest.fixture
def layered(stand: Stand) -> Stand:
    """Both hosts have the image that the VM's disk is a layer over."""
    for host in stand.fleet.hosts.values():
        host.pools["vms"].volumes["base.img"] = FakeVolume(content=DISK)
    stand.source.pools["vms"].volumes[IMAGE] = FakeVolume(content=empty("qcow2", 64 * 1024**2), over=OVER)
    return stand


@pytest.mark.parametrize(
    ("chain", "image", "over"),
    [(BackingChain.KEEP, DiskImage.LAYER, OVER), (BackingChain.FLATTEN, DiskImage.FLATTENED, None)],
)
def test_it_arrives_over_the_same_image_or_over_none(
    layered: Stand, chain: BackingChain, image: DiskImage, over: BackingImage | None
) -> None:
    order = layered.order(Method.LIVE, storage=StorageSpec(backing_chain=chain))
    record = carry_out(order, layered.services())
    assert record is not None
    assert record.outcome is Outcome.SUCCEEDED, record.reason
    assert order.plan.disks[0].image is image
    assert layered.destination.pools["vms"].volumes[IMAGE].over == over
    assert layered.source.pools["vms"].volumes[IMAGE].over == OVER


def test_an_image_that_vanished_meanwhile_fails_the_move_and_leaves_nothing(layered: Stand) -> None:
    order = layered.order(Method.LIVE)
    del layered.destination.pools["vms"].volumes["base.img"]
    record = carry_out(order, layered.services())
    assert record is not None
    assert record.outcome is Outcome.FAILED
    assert layered.volumes_at_destination() == set()
    assert layered.fleet.running(VM) == ("tallinn",)


def test_half_a_chain_is_refused(layered: Stand) -> None:
    order = layered.order(Method.LIVE)
    halved = tuple(replace(disk, over=None) for disk in order.plan.disks)
    record = carry_out(replace(order, plan=replace(order.plan, disks=halved)), layered.services())
    assert record is not None
    assert "half a chain" in record.reason
