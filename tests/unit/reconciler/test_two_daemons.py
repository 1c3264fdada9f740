"""Two daemons with a state folder each on one fleet: one VM is moved by one of them at a time."""

from __future__ import annotations

from pathlib import Path

from house import House

from ferryman.fleet.fake.faults import Operation
from ferryman.fleet.ownership import FRESH_FOR, Identity, Owner
from ferryman.planning.decisions import Refused, StallReason, UpToDate, Wait, WaitReason
from ferryman.records import requests
from ferryman.records.lease.rules import Observing
from ferryman.records.requests import Request, Wish

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


def test_a_vm_that_is_off_under_a_stale_tag_is_not_moved_off_for_ever(house: House) -> None:
    tagged(house)
    house.at("tallinn").power.request_shutdown(VM)
    house.clock.passed_s += FRESH_FOR.total_seconds()
    daemon = house.start()
    refused = daemon.until_quiet().statuses[VM]
    assert isinstance(refused, Refused)
    (finding,) = refused.findings
    assert (refused.reason, OTHER.by in finding.reason) == (StallReason.HELD, True)
    assert f"virsh start {VM}" in finding.remedy
    house.at("tallinn").power.start(VM)
    assert daemon.until_quiet().statuses[VM] == UpToDate(vm=VM, host="skopje")


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


HELD = Observing(reason="another daemon holds the lease: bob@desk", remedy="Nothing to do: it is waited for.")


class TestWithoutTheLease:
    def test_it_begins_nothing_and_says_why(self, house: House) -> None:
        house.settled_vm(VM, "tallinn")
        house.vm(VM, "skopje")
        house.observing = HELD
        daemon = house.start()
        waits = daemon.until_quiet().statuses[VM]
        assert isinstance(waits, Wait)
        assert (waits.reason, "bob@desk" in waits.message) == (WaitReason.OBSERVING, True)
        assert any("observing only" in told for told in house.heard.troubles)
        assert (house.said(VM).reason, house.said(VM).remedy) == ("ObservingOnly", HELD.remedy)
        house.observing = None
        assert daemon.until_quiet().statuses[VM] == UpToDate(vm=VM, host="skopje")

    def test_what_is_in_its_place_is_still_said_to_be(self, house: House) -> None:
        house.settled_vm(VM, "tallinn")
        house.observing = HELD
        assert house.start().until_quiet().statuses[VM] == UpToDate(vm=VM, host="tallinn")

    def test_an_open_move_is_not_taken_up_and_nothing_asked_of_it_is_granted(self, house: House) -> None:
        house.settled_vm(VM, "tallinn")
        house.vm(VM, "skopje")
        house.gates.plant_bug(VM)
        killed = house.start()
        killed.until_quiet()
        killed.close()
        house.observing = HELD
        request = Request(vm=VM, wish=Wish.ACCEPT, asked_at=house.clock.now(), asked_by="ann")
        house.asking.enter_context(requests.asking(house.state, request))
        daemon = house.start()
        daemon.until_quiet()
        assert (house.heard.taken_up_vms, house.heard.answers) == ([], [])
        house.observing = None
        daemon.until_quiet()
        assert house.heard.taken_up_vms == [VM]
