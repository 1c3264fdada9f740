"""A volume that a failed move could not remove is replaced by the next attempt, and known to `ferryman gc`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from timed import Timed

from ferryman.fleet.fake.faults import Operation
from ferryman.planning.decisions import UpToDate
from ferryman.reconciler.collecting import Wished, remove, survey
from ferryman.reconciler.reclaiming import Standing
from ferryman.records.audit.record import Outcome

VM = "guest-01"
IMAGE = f"{VM}.img"


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Timed]:
    """The move to skopje has failed, and skopje's file system was read-only while it was undone."""
    fleet = Timed(tmp_path)
    fleet.house.settled_vm(VM, "tallinn")
    fleet.look()
    fleet.house.at("tallinn").faults.fail_next(Operation.MIGRATE)
    fleet.house.at("skopje").faults.fail_next(Operation.DELETE, times=99)
    fleet.house.vm(VM, "skopje")
    fleet.look()
    assert [record.outcome for record in fleet.house.records()] == [Outcome.FAILED]
    assert set(fleet.house.at("skopje").pools["vms"].volumes) == {IMAGE}
    fleet.house.at("skopje").faults.heal()
    yield fleet
    fleet.close()


@pytest.mark.parametrize("killed", [False, True])
def test_once_the_fault_is_gone_the_next_attempt_goes_through(fleet: Timed, *, killed: bool) -> None:
    if killed:
        fleet.is_killed()
    fleet.passes(1)
    assert fleet.look().statuses[VM] == UpToDate(vm=VM, host="skopje")
    assert fleet.house.fleet.running(VM) == ("skopje",)


def test_gc_finds_it_safe_and_removes_it(fleet: Timed) -> None:
    house, view = fleet.house, fleet.daemon.view
    house.vm(VM, "tallinn")
    fleet.look()
    (judged,) = survey(house.state, view, Wished(vm=VM), house.clock.now())
    assert (judged.standing, judged.left.volume.host, judged.left.volume.name) == (Standing.SAFE, "skopje", IMAGE)
    (removed,) = remove(fleet.daemon.store, view, [judged], house.clock.now())
    assert removed.trouble == ""
    assert house.at("skopje").pools["vms"].volumes == {}
    assert survey(house.state, view, Wished(vm=VM), house.clock.now()) == ()


def test_another_vms_volume_of_that_name_is_none_of_it(fleet: Timed) -> None:
    """Only for the VM whose move left it."""
    leftovers = fleet.daemon.chronicle.memory.leftovers_at("skopje")
    (record,) = fleet.house.records()
    assert [left.vm_uuid for left in leftovers.values()] == [record.uuid]
