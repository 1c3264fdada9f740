"""Two daemons with a state folder each on one fleet: one VM is moved by one of them at a time."""

from __future__ import annotations

from pathlib import Path

from house import House

from ferryman.fleet.fake.faults import Operation
from ferryman.fleet.ownership import FRESH_FOR, Identity, Owner
from ferryman.planning.decisions import UpToDate, Wait, WaitReason

VM = "guest-01"
OTHER = Identity(id="5e3b", by="bob@desk, process 9, state folder /other")


def tagged(house: House) -> None:
    """Another daemon began to move the VM, and went no further."""
    house.me = Identity(id="4f2a", by="ann@desk")
    house.settled_vm(VM, "tallinn")
    owner = Owner(id=OTHER.id, by=OTHER.by, move="m-1", renewed_at=house.clock.now())
    house.at("tallinn").owner_tags.tag(VM, owner)
    house.vm(VM, "skopje")


def test_the_second_leaves_it_alone_and_says_who_and_since_when(house: House) -> None:
    tagged(house)
    waits = house.start().until_quiet().statuses[VM]
    assert isinstance(waits, Wait)
    assert (waits.reason, OTHER.by in waits.message) == (WaitReason.MIGRATING_ELSEWHERE, True)
    assert "2026-11-23 12:00" in waits.message
    assert "--remove" in waits.remedy
    assert house.at("skopje").faults.made(Operation.CREATE) == 0


def test_a_stale_tag_is_taken_over(house: House) -> None:
    tagged(house)
    daemon = house.start()
    daemon.until_quiet()
    house.clock.passed_s += FRESH_FOR.total_seconds()
    assert daemon.until_quiet().statuses[VM] == UpToDate(vm=VM, host="skopje")
    assert house.at("skopje").owner_tags.owner(VM) is None


def test_a_restart_of_the_daemon_that_wrote_it_goes_on_at_once(house: House) -> None:
    tagged(house)
    house.me = OTHER
    assert house.start().until_quiet().statuses[VM] == UpToDate(vm=VM, host="skopje")


def test_while_one_moves_it_the_other_waits(house: House, tmp_path: Path) -> None:
    house.me = Identity(id="4f2a", by="ann@desk")
    house.settled_vm(VM, "tallinn")
    house.vm(VM, "skopje")
    second = House(tmp_path / "second", house.specs)
    second.fleet, second.clock, second.me = house.fleet, house.clock, OTHER
    moved: list[object] = []
    house.at("tallinn").faults.before_next(
        Operation.MIGRATE, lambda: moved.append(house.at("tallinn").domains.known[VM].tag)
    )
    first = house.start()
    first.until_quiet()
    assert "4f2a" in str(moved[0])
    assert second.start().until_quiet().statuses[VM] == UpToDate(vm=VM, host="skopje")
    second.close()
    assert len(house.records()) == 1
