"""`Daemon.run_once`: it ends when no move is under way and none can begin, whatever else is wrong."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from house import House

from ferryman.app import Daemon, Options, is_settled
from ferryman.fleet.fake.faults import Operation
from ferryman.planning.decisions import Refused, UpToDate, Wait, WaitReason
from ferryman.planning.plans import Plan
from ferryman.previewing import preview
from ferryman.reconciler.loop import Look
from ferryman.records.store import StateStore
from ferryman.service import ServiceManager

VM = "guest-01"


@pytest.fixture
def store(house: House) -> Iterator[StateStore]:
    with StateStore.open(house.state) as store:
        yield store


def run_once(house: House, store: StateStore) -> Look:
    options = Options(specs=house.specs, state=house.state)
    return Daemon(options, store, house.heard, ServiceManager({}), house.fleet.connect).run_once()


def test_it_moves_all_that_limits_make_wait_for_one_another(house: House, store: StateStore) -> None:
    for number in range(1, 4):
        house.settled_vm(f"guest-0{number}", "tallinn")
        house.vm(f"guest-0{number}", "skopje")
    found = run_once(house, store)
    assert all(map(is_settled, found.statuses.values()))
    assert len(house.records()) == 3


def test_a_failed_move_is_left_to_the_next_run(house: House, store: StateStore) -> None:
    house.settled_vm(VM, "tallinn")
    house.vm(VM, "skopje")
    house.at("tallinn").faults.fail_next(Operation.MIGRATE)
    status = run_once(house, store).statuses[VM]
    assert isinstance(status, Wait)
    assert status.reason is WaitReason.RETRY
    assert not is_settled(status)


def test_an_unreachable_host_does_not_keep_it(house: House, store: StateStore) -> None:
    house.settled_vm(VM, "tallinn")
    house.vm(VM, "skopje")
    house.at("skopje").faults.unreachable = True
    assert not is_settled(run_once(house, store).statuses[VM])


def test_a_state_folder_that_takes_no_files_does_not_keep_it(house: House, store: StateStore) -> None:
    for number in range(1, 4):
        house.settled_vm(f"guest-0{number}", "tallinn")
        house.vm(f"guest-0{number}", "skopje")
    (house.state / "journal").write_text("in the way")
    assert not any(map(is_settled, run_once(house, store).statuses.values()))
    assert house.records() == []


def test_a_broken_spec_is_not_settled(house: House, store: StateStore) -> None:
    house.settled_vm(VM, "tallinn", "metod = 3\n")
    status = run_once(house, store).statuses[VM]
    assert isinstance(status, Refused)
    assert not is_settled(status)


class TestPreview:
    def test_it_decides_as_the_daemon_and_touches_nothing(self, house: House) -> None:
        house.settled_vm(VM, "tallinn")
        house.settled_vm("guest-02", "oslo", "suspend = true\n")
        house.settled_vm("guest-03", "oslo", "metod = 3\n")
        house.vm(VM, "skopje")
        found = preview(house.specs, house.state, house.fleet.connect)
        assert isinstance(found.decisions[VM], Plan)
        assert isinstance(found.decisions["guest-03"], Refused)
        assert is_settled(found.decisions["guest-02"])
        assert house.fleet.running(VM) == ("tallinn",)
        assert not house.state.exists()

    def test_it_plans_also_what_would_have_to_wait(self, house: House) -> None:
        for number in range(1, 4):
            house.settled_vm(f"guest-0{number}", "tallinn")
            house.vm(f"guest-0{number}", "skopje")
        found = preview(house.specs, house.state, house.fleet.connect)
        assert all(isinstance(decision, Plan) for decision in found.decisions.values())

    def test_it_reads_what_the_daemon_remembers(self, house: House, store: StateStore) -> None:
        house.settled_vm(VM, "tallinn")
        house.vm(VM, "skopje")
        run_once(house, store)
        house.vm(VM, "tallinn")
        move = preview(house.specs, house.state, house.fleet.connect).decisions[VM]
        assert isinstance(move, Plan)
        assert [disk.replaces_leftover for disk in move.disks] == [True]
        house.vm(VM, "skopje")
        assert preview(house.specs, house.state, house.fleet.connect).decisions == {VM: UpToDate(vm=VM, host="skopje")}
