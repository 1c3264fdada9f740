"""A guest that powers itself off after the move that asked it to was given up: started again, and once only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from timed import Timed

from ferryman.fleet.fake.domain import FakeDomain, Shutdown
from ferryman.fleet.fake.faults import Operation
from ferryman.fleet.values import Off, Power
from ferryman.planning.decisions import UpToDate, Wait, WaitReason
from ferryman.records.audit.record import MigrationRecord, Outcome
from ferryman.records.journal.journal import Journal

VM = "guest-01"
COLD = 'method = "cold"\n[cold]\nshutdown_timeout_s = 120\n'


class Fleet(Timed):
    """Its one guest, and what is known of it."""

    @property
    def guest(self) -> FakeDomain:
        return self.house.at("tallinn").domains.known[VM]

    @property
    def asked(self) -> list[str]:
        return [entry.vm for entry in Journal(self.house.state).asked.entries()]

    @property
    def starts(self) -> int:
        return self.house.at("tallinn").faults.made(Operation.START)

    def powers_off(self) -> None:
        self.house.at("tallinn").domains.power_off(VM)

    def moves_away(self) -> MigrationRecord:
        """The spec wants it on skopje, and its guest does not shut down in time."""
        self.house.vm(VM, "skopje", COLD)
        self.look()
        (record,) = self.house.records()
        assert "did not shut down within 120 s" in record.reason
        return record


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    fleet = Fleet(tmp_path)
    fleet.house.settled_vm(VM, "tallinn", COLD)
    fleet.guest.shutdown = Shutdown.IGNORES
    fleet.look()
    yield fleet
    fleet.close()


def test_the_record_of_the_failed_move_says_that_it_may_yet_power_itself_off(fleet: Fleet) -> None:
    record = fleet.moves_away()
    assert record.outcome is Outcome.FAILED
    assert "may yet power itself off" in " ".join(record.warnings)
    assert fleet.asked == [VM]


@pytest.mark.parametrize("killed", [False, True])
def test_obeying_20_s_after_the_end_it_is_started_where_it_was_and_moved_when_its_turn_comes(
    fleet: Fleet, *, killed: bool
) -> None:
    fleet.moves_away()
    fleet.house.clock.passed_s += 20
    fleet.powers_off()
    if killed:
        fleet.is_killed()
    found = fleet.look().statuses[VM]
    assert fleet.house.fleet.running(VM) == ("tallinn",)
    assert isinstance(found, Wait)
    assert found.reason is WaitReason.RETRY
    _, again = fleet.house.records()
    assert again.outcome is Outcome.FAILED
    assert "powered itself off after its move" in again.reason
    assert "runs at the source" in again.reason
    fleet.guest.shutdown = Shutdown.OBEYS
    fleet.passes(1)
    assert fleet.look().statuses[VM] == UpToDate(vm=VM, host="skopje")
    assert fleet.house.fleet.running(VM) == ("skopje",)
    assert fleet.asked == []


def test_it_is_started_again_where_nobody_wants_it_moved_any_more(fleet: Fleet) -> None:
    fleet.moves_away()
    fleet.house.vm(VM, "tallinn", COLD)
    fleet.powers_off()
    fleet.look()
    assert fleet.house.fleet.running(VM) == ("tallinn",)


def test_killed_while_it_was_asking_the_next_daemon_remembers(fleet: Fleet) -> None:
    fleet.house.vm(VM, "skopje", COLD)
    fleet.daemon.look()
    while not fleet.guest.asked_to_power_off:
        fleet.baton.round()
    fleet.is_killed()
    fleet.look()
    assert [record.outcome for record in fleet.house.records()] == [Outcome.FAILED]
    fleet.powers_off()
    fleet.look()
    assert fleet.house.fleet.running(VM) == ("tallinn",)


def test_killed_between_the_record_and_the_note_the_next_daemon_makes_it(fleet: Fleet) -> None:
    fleet.moves_away()
    journal = Journal(fleet.house.state)
    (entry,) = journal.asked.entries()
    journal.asked.drop(VM)
    journal.write(entry)
    fleet.is_killed()
    fleet.look()
    assert fleet.asked == [VM]


class TestAPersonsWord:
    def test_what_a_person_powers_off_days_later_stays_off(self, fleet: Fleet) -> None:
        fleet.moves_away()
        fleet.house.vm(VM, "tallinn", COLD)
        fleet.passes(48)
        fleet.powers_off()
        fleet.look()
        assert (fleet.house.fleet.running(VM), fleet.starts) == ((), 0)
        assert fleet.asked == []

    def test_what_was_started_again_once_and_is_powered_off_then_stays_off(self, fleet: Fleet) -> None:
        fleet.moves_away()
        fleet.house.vm(VM, "tallinn", COLD)
        fleet.powers_off()
        fleet.look()
        fleet.powers_off()
        fleet.look()
        assert (fleet.house.fleet.running(VM), fleet.starts) == ((), 1)

    def test_what_obeyed_within_its_move_owes_nothing(self, fleet: Fleet) -> None:
        """Off in time, its copy failed, it was started again; what powers it off then is a person."""
        fleet.guest.shutdown = Shutdown.OBEYS
        fleet.house.at("skopje").faults.fail_next(Operation.DEFINE)
        fleet.house.vm(VM, "skopje", COLD)
        fleet.look()
        assert (fleet.house.fleet.running(VM), fleet.asked) == (("tallinn",), [])

    def test_a_restart_of_the_host_is_no_answer(self, fleet: Fleet) -> None:
        fleet.moves_away()
        fleet.house.vm(VM, "tallinn", COLD)
        fleet.guest.power, fleet.guest.off = Power.SHUT_OFF, Off.UNKNOWN
        fleet.look()
        assert (fleet.house.fleet.running(VM), fleet.asked) == ((), [])

    def test_one_that_a_person_destroys_stays_off(self, fleet: Fleet) -> None:
        fleet.moves_away()
        fleet.house.vm(VM, "tallinn", COLD)
        fleet.house.at("tallinn").domains.power_off(VM, Off.ENDED)
        fleet.look()
        assert (fleet.house.fleet.running(VM), fleet.starts) == ((), 0)

    def test_a_vm_that_is_left_alone_is_left_alone(self, fleet: Fleet) -> None:
        fleet.moves_away()
        fleet.house.vm(VM, "skopje", f"suspend = true\n{COLD}")
        fleet.powers_off()
        fleet.look()
        assert fleet.starts == 0

    def test_another_copy_is_never_made(self, fleet: Fleet) -> None:
        """Somebody moved it away by hand: the definition that is left behind is none that obeyed."""
        fleet.moves_away()
        fleet.house.vm(VM, "tallinn", COLD)
        fleet.guest.power, fleet.guest.off = Power.SHUT_OFF, Off.LEFT
        fleet.look()
        assert (fleet.starts, fleet.asked) == (0, [])


def test_off_between_the_look_and_the_plan_it_is_not_moved_as_one_that_is_to_stay_off(fleet: Fleet) -> None:
    fleet.moves_away()
    fleet.passes(1)
    fleet.house.at("tallinn").faults.before_next(Operation.INSPECT, fleet.powers_off)
    found = fleet.daemon.look().statuses[VM]
    assert isinstance(found, Wait)
    assert found.reason is WaitReason.CHANGING
    fleet.look()
    assert fleet.house.fleet.running(VM) == ("tallinn",)


def test_a_destination_that_is_silent_meanwhile_is_waited_for(fleet: Fleet) -> None:
    fleet.moves_away()
    fleet.house.at("skopje").faults.unreachable = True
    fleet.powers_off()
    found = fleet.look().statuses[VM]
    assert isinstance(found, Wait)
    assert found.reason is WaitReason.HOST_UNREACHABLE
    fleet.house.at("skopje").faults.unreachable = False
    fleet.passes(5)
    fleet.look()
    assert fleet.house.fleet.running(VM) == ("tallinn",)


def test_a_further_attempt_that_fails_before_it_asks_forgets_nothing(fleet: Fleet) -> None:
    fleet.moves_away()
    fleet.house.at("skopje").faults.fail_next(Operation.CREATE)
    fleet.passes(1)
    fleet.look()
    assert "fails as planted" in fleet.house.records()[-1].reason
    assert fleet.asked == [VM]
    fleet.powers_off()
    fleet.look()
    assert fleet.house.fleet.running(VM) == ("tallinn",)


def test_a_further_attempt_that_it_obeys_in_time_arrives_and_owes_nothing(fleet: Fleet) -> None:
    fleet.moves_away()
    fleet.guest.shutdown = Shutdown.OBEYS
    fleet.passes(1)
    assert fleet.look().statuses[VM] == UpToDate(vm=VM, host="skopje")
    assert (fleet.house.fleet.running(VM), fleet.asked, fleet.starts) == (("skopje",), [], 0)


def test_a_source_that_was_silent_meanwhile_is_asked_when_it_is_back(fleet: Fleet) -> None:
    fleet.moves_away()
    fleet.house.at("tallinn").faults.unreachable = True
    fleet.powers_off()
    fleet.look()
    assert fleet.asked == [VM]
    fleet.house.at("tallinn").faults.unreachable = False
    fleet.house.clock.passed_s += 60
    fleet.look()
    assert fleet.house.fleet.running(VM) == ("tallinn",)
