"""What fails is tried again, later and later; what cannot be known is left alone; the others go on."""

from __future__ import annotations

import pytest
from house import House

from ferryman.fleet.errors import FailureKind, FleetError, HostHangsError
from ferryman.fleet.fake.faults import Operation, refused
from ferryman.fleet.fake.migration import Breakage
from ferryman.fleet.values import Power
from ferryman.planning.decisions import Refused, StallReason, UpToDate, Wait, WaitReason
from ferryman.planning.findings import FindingCode
from ferryman.records.audit.record import Outcome

VM, OTHER = "guest-01", "guest-02"


def failing(house: House, *, times: int = 1) -> None:
    """A VM whose next moves away from tallinn fail."""
    house.settled_vm(VM, "tallinn")
    house.vm(VM, "skopje")
    house.at("tallinn").faults.fail_next(Operation.MIGRATE, times=times)


def reason_of(status: object) -> WaitReason | None:
    return status.reason if isinstance(status, Wait) else None


class TestAFailedMove:
    def test_it_is_tried_again_only_after_its_delay(self, house: House) -> None:
        failing(house)
        daemon = house.start()
        assert reason_of(daemon.until_quiet().statuses[VM]) is WaitReason.RETRY
        assert daemon.loop.next_retry_s() == 5.0
        house.clock.passed_s += 4.9
        assert reason_of(daemon.until_quiet().statuses[VM]) is WaitReason.RETRY
        house.clock.passed_s += 0.2
        assert daemon.until_quiet().statuses[VM] == UpToDate(vm=VM, host="skopje")
        assert [(record.outcome, record.attempt) for record in house.records()] == [
            (Outcome.FAILED, 1),
            (Outcome.SUCCEEDED, 2),
        ]
        assert daemon.loop.next_retry_s() is None

    def test_each_failure_doubles_the_delay(self, house: House) -> None:
        failing(house, times=3)
        daemon = house.start()
        delays_s = []
        for _ in range(3):
            daemon.until_quiet()
            delay_s = daemon.loop.next_retry_s()
            assert delay_s is not None
            delays_s.append(delay_s)
            house.clock.passed_s += delay_s
        assert delays_s == [5.0, 10.0, 20.0]

    def test_a_changed_spec_is_tried_at_once_and_from_the_first_attempt(self, house: House) -> None:
        failing(house, times=2)
        daemon = house.start()
        daemon.until_quiet()
        house.clock.passed_s += 5
        daemon.until_quiet()
        house.vm(VM, "oslo")
        assert daemon.until_quiet().statuses[VM] == UpToDate(vm=VM, host="oslo")
        assert house.records()[-1].attempt == 1

    def test_changed_defaults_of_the_fleet_are_tried_at_once(self, house: House) -> None:
        failing(house)
        daemon = house.start()
        daemon.until_quiet()
        house.write("fleet.toml", "settle_ms = 0\n[defaults]\nmax_downtime_ms = 5000\n")
        assert daemon.until_quiet().statuses[VM] == UpToDate(vm=VM, host="skopje")

    def test_a_change_that_says_nothing_new_of_the_vm_does_not_shorten_the_delay(self, house: House) -> None:
        failing(house)
        daemon = house.start()
        daemon.until_quiet()
        house.settled_vm(OTHER, "oslo")
        assert reason_of(daemon.until_quiet().statuses[VM]) is WaitReason.RETRY

    def test_a_spec_that_changed_during_the_move_that_failed_is_tried_at_once(self, house: House) -> None:
        failing(house)
        house.gates.close(VM)
        daemon = house.start()
        daemon.look()
        house.vm(VM, "oslo")
        daemon.look()
        house.gates.open()
        assert daemon.until_quiet().statuses[VM] == UpToDate(vm=VM, host="oslo")

    def test_being_in_place_again_forgives_what_failed(self, house: House) -> None:
        house.settled_vm(VM, "tallinn")
        daemon = house.start()
        daemon.look()
        house.at("tallinn").faults.fail_next(Operation.MIGRATE)
        house.host("tallinn", "maintenance = true\n")
        daemon.until_quiet()
        house.host("tallinn")
        daemon.until_quiet()
        house.host("tallinn", "maintenance = true\n")
        daemon.until_quiet()
        assert house.records()[-1].outcome is Outcome.SUCCEEDED

    def test_its_failure_keeps_no_other_waiting(self, house: House) -> None:
        failing(house)
        house.settled_vm(OTHER, "oslo")
        house.vm(OTHER, "tallinn")
        house.start().until_quiet()
        assert house.fleet.running(OTHER) == ("tallinn",)


class TestLeftForAPerson:
    def held(self, house: House) -> None:
        """A VM whose QEMU was gone at both ends when its migration broke, and nobody knows who wrote last."""
        house.settled_vm(VM, "tallinn")
        house.vm(VM, "skopje")
        house.fleet.plan_breakage(VM, Breakage(source=Power.SHUT_OFF, destination=Power.SHUT_OFF))
        house.start().until_quiet()
        assert [record.outcome for record in house.records()] == [Outcome.HELD]
        # The person looked, and removed the definition that is not wanted; the VM is still off.
        house.at("skopje").domains.known.pop(VM)

    def test_it_is_not_tried_again_while_it_is_off_not_even_after_a_restart(self, house: House) -> None:
        self.held(house)
        house.clock.passed_s += 3600
        again = house.daemons[-1].until_quiet().statuses[VM]
        house.daemons[-1].close()
        restarted = house.start().until_quiet().statuses[VM]
        for status in (again, restarted):
            assert isinstance(status, Refused)
            assert (status.reason, status.findings[0].code) == (StallReason.HELD, FindingCode.HELD)
        assert len(house.records()) == 1

    def test_it_goes_on_once_somebody_started_it_and_cleared_the_copy_away(self, house: House) -> None:
        self.held(house)
        house.at("tallinn").domains.known[VM].power = Power.RUNNING
        house.clock.passed_s += 3600
        copy = house.daemons[-1].until_quiet().statuses[VM]
        assert isinstance(copy, Refused)
        assert [finding.code for finding in copy.findings] == [FindingCode.VOLUME_EXISTS]
        house.at("skopje").pools["vms"].volumes.clear()
        house.daemons[-1].until_quiet()
        assert [record.outcome for record in house.records()] == [Outcome.HELD, Outcome.SUCCEEDED]


class TestABug:
    def test_it_stalls_only_its_vm_and_the_journal_keeps_the_move(self, house: House) -> None:
        house.settled_vm(VM, "tallinn")
        house.settled_vm(OTHER, "oslo")
        house.vm(VM, "skopje")
        house.vm(OTHER, "tallinn")
        house.gates.plant_bug(VM)
        daemon = house.start()
        stuck = daemon.until_quiet().statuses[VM]
        assert isinstance(stuck, Refused)
        assert stuck.reason is StallReason.HELD
        assert house.fleet.running(OTHER) == ("tallinn",)
        assert house.heard.bugs == [f"{VM}: a bug of ours"]
        assert [entry.vm for entry in daemon.chronicle.journal.entries()] == [VM]
        assert house.said(VM).remedy

    def test_a_restart_takes_the_move_up(self, house: House) -> None:
        house.settled_vm(VM, "tallinn")
        house.vm(VM, "skopje")
        house.gates.plant_bug(VM)
        first = house.start()
        first.until_quiet()
        first.close()
        house.start().until_quiet()
        house.clock.passed_s += 5
        house.daemons[-1].until_quiet()
        assert [record.outcome for record in house.records()] == [Outcome.FAILED, Outcome.SUCCEEDED]
        assert house.fleet.running(VM) == ("skopje",)


class TestUnreachable:
    @pytest.mark.parametrize("host", ["tallinn", "skopje"])
    def test_neither_end_may_be_unknown(self, house: House, host: str) -> None:
        house.settled_vm(VM, "tallinn")
        daemon = house.start()
        daemon.look()
        house.at(host).faults.unreachable = True
        house.vm(VM, "skopje")
        assert reason_of(daemon.until_quiet().statuses[VM]) is WaitReason.HOST_UNREACHABLE
        assert house.states()[VM].host == "tallinn"
        assert not house.host_states()[host].reachable
        house.at(host).faults.unreachable = False
        daemon.until_quiet()
        assert house.fleet.running(VM) == ("skopje",)

    def test_the_vms_of_other_hosts_move(self, house: House) -> None:
        house.settled_vm(VM, "tallinn")
        house.settled_vm(OTHER, "oslo")
        daemon = house.start()
        daemon.look()
        house.at("oslo").faults.unreachable = True
        house.vm(VM, "skopje")
        daemon.until_quiet()
        assert house.fleet.running(VM) == ("skopje",)

    @pytest.mark.parametrize(
        "late",
        [refused(FailureKind.BUSY, "inspect: no answer within 15 s"), HostHangsError("libvirtd hangs", "Restart it.")],
    )
    def test_a_host_that_hangs_within_a_look_is_waited_for_once(self, house: House, late: FleetError) -> None:
        for number in range(1, 6):
            house.settled_vm(f"guest-0{number}", "tallinn")
        daemon = house.start()
        daemon.look()
        house.at("tallinn").faults.fail_next(Operation.INSPECT, late, times=5)
        for number in range(1, 6):
            house.vm(f"guest-0{number}", "skopje")
        before = house.at("tallinn").faults.made(Operation.INSPECT)
        statuses = daemon.look().statuses
        assert house.at("tallinn").faults.made(Operation.INSPECT) == before + 1
        assert {type(status) for status in statuses.values()} == {Wait}
