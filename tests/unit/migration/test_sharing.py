"""A disk stays where it is only where both hosts are proved to see it."""

from __future__ import annotations

import pytest
from stand import VM, Stand

from ferryman.fleet.errors import FailureKind
from ferryman.fleet.fake.faults import Operation, refused
from ferryman.fleet.fake.hosts import DISK
from ferryman.fleet.fake.storage import FakeVolume
from ferryman.migration.attempt import carry_out
from ferryman.migration.order import Order
from ferryman.planning.plans import DiskTransfer
from ferryman.records.audit.record import MigrationRecord, Outcome
from ferryman.specs.choices import Method, StorageMode
from ferryman.specs.vm_spec import StorageSpec

IMAGE = f"{VM}.img"
METHODS = [Method.LIVE, Method.COLD]
NAS = "nas dir=/vms"


def one_pool(stand: Stand, kind: str) -> None:
    """Both hosts have the same storage."""
    pool = stand.source.pools["vms"]
    pool.kind, pool.origin = kind, NAS
    stand.destination.pools["vms"] = pool


def two_pools(stand: Stand, kind: str, *, origin: str = "") -> None:
    """Storage of its own on each; at the destination an old copy of the disk."""
    for host in (stand.source, stand.destination):
        host.pools["vms"].kind, host.pools["vms"].origin = kind, origin
    stand.destination.pools["vms"].volumes[IMAGE] = FakeVolume(content=DISK)


def shared_order(stand: Stand, method: Method, mode: StorageMode = StorageMode.AUTO) -> Order:
    order = stand.order(method, storage=StorageSpec(mode=mode))
    assert [disk.transfer for disk in order.plan.disks] == [DiskTransfer.SHARED]
    return order


def move(stand: Stand, order: Order) -> MigrationRecord:
    record = carry_out(order, stand.services())
    assert record is not None
    return record


def assert_refused(stand: Stand, order: Order, reason: str, remedy: str) -> None:
    record = move(stand, order)
    assert record.outcome is Outcome.FAILED
    assert reason in record.reason
    assert remedy in record.remedy
    assert stand.fleet.running(VM) == stand.fleet.defined(VM) == ("tallinn",)
    assert set(stand.source.pools["vms"].volumes) == stand.volumes_at_destination() == {IMAGE}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("mode", [StorageMode.AUTO, StorageMode.SHARED])
def test_where_both_are_one_storage_memory_moves_alone(stand: Stand, method: Method, mode: StorageMode) -> None:
    one_pool(stand, "netfs")
    record = move(stand, shared_order(stand, method, mode))
    assert record.outcome is Outcome.SUCCEEDED, record.reason
    assert (record.volumes_created, record.left_behind) == ((), ())
    assert set(stand.source.pools["vms"].volumes) == {IMAGE}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("mode", [StorageMode.AUTO, StorageMode.SHARED])
def test_two_exports_with_a_volume_of_the_same_name_are_not_shared(
    stand: Stand, method: Method, mode: StorageMode
) -> None:
    two_pools(stand, "netfs", origin=NAS)
    assert_refused(
        stand, shared_order(stand, method, mode), "vms on tallinn and vms on skopje are not the same", 'mode = "copy"'
    )


def test_where_no_volume_can_be_made_one_origin_is_the_proof(stand: Stand) -> None:
    two_pools(stand, "iscsi", origin=NAS)
    del stand.destination.pools["vms"].volumes[IMAGE]
    stand.destination.pools["vms"].volumes = stand.source.pools["vms"].volumes
    assert move(stand, shared_order(stand, Method.LIVE)).outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize("origins", [("nas dir=/vms", "san dir=/vms"), ("", "")])
def test_else_its_spec_must_say_so(stand: Stand, origins: tuple[str, str]) -> None:
    two_pools(stand, "iscsi")
    stand.source.pools["vms"].origin, stand.destination.pools["vms"].origin = origins
    assert_refused(stand, shared_order(stand, Method.LIVE), "it cannot be proved", "virsh pool-dumpxml vms (on skopje)")


def test_what_its_spec_calls_shared_and_cannot_be_tried_is_believed(stand: Stand) -> None:
    one_pool(stand, "iscsi")
    assert move(stand, shared_order(stand, Method.LIVE, StorageMode.SHARED)).outcome is Outcome.SUCCEEDED


def test_a_full_pool_of_one_origin_is_still_shared(stand: Stand) -> None:
    one_pool(stand, "netfs")
    order = shared_order(stand, Method.LIVE)
    stand.destination.faults.fail_next(Operation.CREATE, refused(FailureKind.OTHER, "No space left on device"))
    assert move(stand, order).outcome is Outcome.SUCCEEDED


def test_an_old_listing_that_does_not_tell_why_is_looked_at_again(stand: Stand) -> None:
    one_pool(stand, "netfs")
    order = shared_order(stand, Method.LIVE)
    stand.source.faults.fail_next(Operation.CREATE, refused(FailureKind.OTHER, "cannot create path: File exists"))
    assert move(stand, order).outcome is Outcome.SUCCEEDED
