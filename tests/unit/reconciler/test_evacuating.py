"""A host in maintenance is emptied, within limits; taking that back brings its VMs home."""

from __future__ import annotations

import pytest
from house import House

from ferryman.fleet.fake.faults import Operation
from ferryman.planning.decisions import Refused, UpToDate, Wait, WaitReason
from ferryman.planning.plans import Cause
from ferryman.records.state.conditions import InFlight

MAINTENANCE = "maintenance = true\n"
TWO_AT_A_TIME = "[limits]\noutgoing = 4\nincoming = 1\n"
VMS = ("guest-01", "guest-02", "guest-03", "guest-04")


def full_house(house: House) -> None:
    """Four VMs on tallinn, which sends four at a time; the others take in one at a time."""
    for vm in VMS:
        house.settled_vm(vm, "tallinn")
    house.host("tallinn", TWO_AT_A_TIME)


class TestEmptying:
    def test_all_leave_and_the_host_is_drained(self, house: House) -> None:
        full_house(house)
        daemon = house.start()
        daemon.look()
        house.host("tallinn", MAINTENANCE + TWO_AT_A_TIME)
        daemon.until_quiet()
        assert all(house.fleet.running(vm) in (("skopje",), ("oslo",)) for vm in VMS)
        assert {record.cause.kind for record in house.records()} == {Cause.EVACUATION}
        state = house.host_states()["tallinn"]
        assert (state.drained, state.remaining, state.vms) == (True, (), ())
        assert "tallinn: drained" in house.git("log", "--format=%B")

    def test_they_spread_and_wait_for_one_another(self, house: House) -> None:
        full_house(house)
        daemon = house.start()
        daemon.look()
        house.gates.close(*VMS)
        house.host("tallinn", MAINTENANCE + TWO_AT_A_TIME)
        found = daemon.look()
        moving = [status for status in found.statuses.values() if isinstance(status, InFlight)]
        waiting = [status for status in found.statuses.values() if isinstance(status, Wait)]
        assert {move.destination for move in moving} == {"skopje", "oslo"}
        assert [wait.reason for wait in waiting] == [WaitReason.LIMIT] * 2
        house.gates.open()
        daemon.until_quiet()
        assert {vm: len(house.fleet.running(vm)) for vm in VMS} == dict.fromkeys(VMS, 1)
        assert len(house.records()) == len(VMS)

    def test_a_host_is_not_drained_while_a_move_from_it_is_under_way(self, house: House) -> None:
        house.settled_vm("guest-01", "tallinn")
        daemon = house.start()
        daemon.look()
        house.gates.close("guest-01")
        house.host("tallinn", MAINTENANCE)
        daemon.look()
        state = house.host_states()["tallinn"]
        assert (state.maintenance, state.drained, state.remaining) == (True, False, ("guest-01",))

    def test_the_more_important_one_goes_first(self, house: House) -> None:
        house.settled_vm("guest-01", "tallinn")
        house.settled_vm("guest-02", "tallinn", "[placement]\npriority = 10\n")
        daemon = house.start()
        daemon.look()
        house.host("tallinn", MAINTENANCE)
        daemon.until_quiet()
        assert house.heard.begun_vms == ["guest-02", "guest-01"]

    @pytest.mark.parametrize(("allow", "shut_down", "left"), [('["live"]', 0, False), ('["live", "cold"]', 1, True)])
    def test_one_that_cannot_leave_while_it_runs_is_shut_down_only_where_its_spec_names_cold(
        self, allow: str, shut_down: int, house: House, *, left: bool
    ) -> None:
        house.settled_vm("guest-01", "tallinn", f"allow = {allow}\n")
        known = house.at("tallinn").domains.known["guest-01"]
        known.xml = known.xml.replace("</devices>", "<hostdev/></devices>")
        daemon = house.start()
        house.host("tallinn", MAINTENANCE)
        daemon.until_quiet()
        assert house.at("tallinn").faults.made(Operation.REQUEST_SHUTDOWN) == shut_down
        assert (house.fleet.running("guest-01") != ("tallinn",)) == left


class TestComingHome:
    def test_taking_it_back_brings_them_home(self, house: House) -> None:
        full_house(house)
        daemon = house.start()
        house.host("tallinn", MAINTENANCE + TWO_AT_A_TIME)
        daemon.until_quiet()
        house.host("tallinn", "[limits]\nincoming = 4\n")
        found = daemon.until_quiet()
        assert found.statuses == {vm: UpToDate(vm=vm, host="tallinn") for vm in VMS}
        assert [record.cause.kind for record in house.records()[-4:]] == [Cause.RETURN] * 4

    def test_also_after_a_restart(self, house: House) -> None:
        house.settled_vm("guest-01", "tallinn")
        house.host("tallinn", MAINTENANCE)
        first = house.start()
        first.until_quiet()
        first.close()
        house.host("tallinn")
        house.start().until_quiet()
        assert house.fleet.running("guest-01") == ("tallinn",)
        assert house.records()[-1].cause.kind is Cause.RETURN

    def test_also_where_it_was_taken_back_while_they_were_leaving(self, house: House) -> None:
        house.settled_vm("guest-01", "tallinn")
        daemon = house.start()
        daemon.look()
        house.gates.close("guest-01")
        house.host("tallinn", MAINTENANCE)
        daemon.look()
        house.host("tallinn")
        daemon.look()
        house.gates.open()
        daemon.until_quiet()
        assert house.fleet.running("guest-01") == ("tallinn",)
        assert [record.cause.kind for record in house.records()] == [Cause.EVACUATION, Cause.RETURN]


class TestMemory:
    def test_what_is_on_its_way_takes_room_before_it_arrives(self, house: House) -> None:
        for vm in ("guest-01", "guest-02"):
            house.settled_vm(vm, "tallinn", memory_mib=1000)
        house.at("skopje").memory_mib = 512 + 1500
        house.at("oslo").memory_mib = 512 + 900
        house.host("skopje", "[limits]\nincoming = 4\n")
        daemon = house.start()
        daemon.look()
        house.gates.close("guest-01", "guest-02")
        house.host("tallinn", MAINTENANCE + "[limits]\noutgoing = 4\n")
        found = daemon.look()
        assert isinstance(found.statuses["guest-01"], InFlight)
        refused = found.statuses["guest-02"]
        assert isinstance(refused, Refused)
        assert [finding.reason for finding in refused.findings] == [
            "not to oslo: it has 900 MiB of memory to spare, the VM needs 1000 MiB",
            "not to skopje: it has 500 MiB of memory to spare, the VM needs 1000 MiB",
        ]

    def test_vms_that_avoid_each_other_do_not_leave_for_the_same_host_together(self, house: House) -> None:
        house.settled_vm("guest-01", "tallinn", '[placement]\navoid = ["guest-02"]\n')
        house.settled_vm("guest-02", "tallinn", '[placement]\navoid = ["guest-01"]\n')
        house.host("skopje", "[limits]\nincoming = 4\n")
        house.at("skopje").memory_mib = 65_536
        daemon = house.start()
        daemon.look()
        house.host("tallinn", MAINTENANCE + "[limits]\noutgoing = 4\n")
        daemon.until_quiet()
        assert house.fleet.running("guest-01") != house.fleet.running("guest-02")

    def test_no_place_at_all_keeps_the_vm_running_and_says_why(self, house: House) -> None:
        house.settled_vm("guest-01", "tallinn", "[placement]\nhosts = []\n")
        daemon = house.start()
        house.host("tallinn", MAINTENANCE)
        daemon.until_quiet()
        assert house.fleet.running("guest-01") == ("tallinn",)
        assert house.said("guest-01").reason == "NoPlace"
        assert house.said("guest-01").remedy
        assert not house.host_states()["tallinn"].drained
