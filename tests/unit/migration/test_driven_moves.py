"""Live moves that the daemon drives, as the source's libvirtd does not reach the destination's."""

from __future__ import annotations

from dataclasses import replace

import pytest
from stand import VM, Stand
from test_post_copy_moves import stalls

from ferryman.fleet.errors import FailureKind
from ferryman.fleet.fake.accidents import Accidents
from ferryman.fleet.fake.domain import parsed
from ferryman.fleet.fake.faults import Operation, refused
from ferryman.fleet.fake.migration import POST_COPY_BROKEN, Breakage
from ferryman.fleet.migrating import Job, JobPhase
from ferryman.fleet.values import MigrationSide, Power
from ferryman.migration.attempt import carry_out, take_up
from ferryman.migration.order import Order
from ferryman.planning.modes import Driver
from ferryman.records.audit.record import MigrationRecord, Outcome
from ferryman.records.journal.entry import JournalEntry, Step
from ferryman.specs.choices import Method

WHY = "the libvirtd of tallinn does not reach that of skopje: Permission denied"
MEMORY_FOR_LONG = [Job(phase=JobPhase.MEMORY, memory_iteration=1)] * 50


@pytest.fixture(autouse=True)
def barred(stand: Stand) -> None:
    """tallinn's libvirtd has no key for skopje."""
    stand.source.within.unreached["skopje"] = "Permission denied"


def driven(stand: Stand, method: Method = Method.LIVE) -> Order:
    order = stand.order(method)
    return replace(order, plan=replace(order.plan, driven_by=Driver.DAEMON, driven_because=WHY))


def move(stand: Stand, order: Order) -> MigrationRecord:
    record = carry_out(order, stand.services())
    assert record is not None
    return record


def left_open(stand: Stand) -> JournalEntry:
    return replace(stand.left_open(Method.LIVE, Step.TRANSFERRING), driven_by=Driver.DAEMON, driven_because=WHY)


def taken_up(stand: Stand, entry: JournalEntry) -> MigrationRecord:
    record = take_up(entry, stand.services())
    assert record is not None
    return record


def assert_at_the_source(stand: Stand, record: MigrationRecord) -> None:
    assert record.outcome is Outcome.FAILED
    assert stand.fleet.running(VM) == stand.fleet.defined(VM) == ("tallinn",)
    assert stand.volumes_at_destination() == set()


def stands_still_at_both_ends(stand: Stand) -> None:
    """Its memory is over, and it was not let run yet."""
    here = stand.source.domains.known[VM]
    there = parsed(here.xml)
    here.power, there.power, there.side, there.persistent = Power.PAUSED, Power.PAUSED, MigrationSide.INCOMING, False
    stand.destination.domains.known[VM] = there


@pytest.mark.parametrize("method", [Method.LIVE, Method.POST_COPY, Method.PAUSED])
def test_it_arrives_and_the_record_says_who_drove_it_and_why(stand: Stand, method: Method) -> None:
    record = move(stand, driven(stand, method))
    assert (record.outcome, record.driven_by, record.driven_because) == (Outcome.SUCCEEDED, Driver.DAEMON, WHY)
    assert stand.fleet.running(VM) == stand.fleet.defined(VM) == ("skopje",)


def test_one_that_was_planned_peer_to_peer_and_does_not_connect_is_driven_in_the_same_attempt(stand: Stand) -> None:
    record = move(stand, stand.order(Method.LIVE))
    assert (record.outcome, record.driven_by) == (Outcome.SUCCEEDED, Driver.DAEMON)
    assert "the libvirtd of tallinn does not reach its peer" in record.driven_because
    assert "the daemon drove the move itself" in record.warnings[-1]
    assert stand.fleet.running(VM) == stand.fleet.defined(VM) == ("skopje",)


def test_one_that_had_begun_when_its_connection_was_lost_is_not_begun_again(stand: Stand) -> None:
    stand.source.within.unreached.clear()
    lost = refused(FailureKind.PEER_UNREACHED, "client socket is closed")
    stand.fleet.plan_breakage(VM, Breakage(source=Power.RUNNING, destination=Power.PAUSED, error=lost))
    record = move(stand, stand.order(Method.LIVE))
    assert_at_the_source(stand, record)
    assert (record.driven_by, stand.source.faults.made(Operation.MIGRATE)) == (Driver.SOURCE, 1)


def test_one_that_the_daemon_does_not_get_through_either_fails(stand: Stand) -> None:
    order = stand.order(Method.LIVE)
    stand.source.faults.fail_next(Operation.MIGRATE)
    record = move(stand, order)
    assert_at_the_source(stand, record)
    assert (record.driven_by, record.driven_because) == (Driver.SOURCE, "")


def test_a_post_copy_connection_that_breaks_is_made_anew_by_the_daemon_too(stand: Stand) -> None:
    stalls(stand)
    stand.fleet.plan_breakage(VM, POST_COPY_BROKEN)
    record = move(stand, driven(stand, Method.POST_COPY))
    assert (record.outcome, record.post_copy) == (Outcome.SUCCEEDED, True)
    assert stand.fleet.running(VM) == ("skopje",)


def test_a_daemon_that_stops_takes_it_back_and_leaves_nothing_open(stand: Stand) -> None:
    stand.fleet.plan_jobs(VM, MEMORY_FOR_LONG)
    order = driven(stand)
    stand.source.faults.before_next(Operation.JOB, stand.stop.set)
    record = move(stand, order)
    assert_at_the_source(stand, record)
    assert "the daemon was stopped" in record.reason


def test_a_daemon_that_stops_after_the_switch_to_post_copy_sees_it_through(stand: Stand) -> None:
    stalls(stand)
    order = driven(stand, Method.POST_COPY)
    stand.source.faults.before_next(Operation.START_POST_COPY, stand.stop.set)
    record = move(stand, order)
    assert (record.outcome, record.post_copy) == (Outcome.SUCCEEDED, True)
    assert stand.source.faults.made(Operation.ABORT) == 0


class TestKilled:
    def test_while_memory_moved_it_is_at_the_source_and_nothing_at_the_destination(self, stand: Stand) -> None:
        entry = left_open(stand)
        stand.fleet.plan_jobs(VM, MEMORY_FOR_LONG)
        stand.fleet.begin_migration("tallinn", stand.request(), stand.specs["skopje"])
        Accidents(stand.fleet).daemon_dies()
        record = taken_up(stand, entry)
        assert_at_the_source(stand, record)
        assert (record.recovered, record.driven_by) == (True, Driver.DAEMON)

    def test_one_whose_end_libvirt_has_not_noticed_yet_is_cancelled(self, stand: Stand) -> None:
        entry = left_open(stand)
        stand.fleet.plan_jobs(VM, MEMORY_FOR_LONG)
        stand.fleet.begin_migration("tallinn", stand.request(), stand.specs["skopje"])
        assert_at_the_source(stand, taken_up(stand, entry))
        assert stand.source.faults.made(Operation.ABORT) == 1

    def test_a_copy_that_is_let_run_just_then_is_not_destroyed(self, stand: Stand) -> None:
        entry = left_open(stand)
        stands_still_at_both_ends(stand)

        def last_word() -> None:
            there = stand.destination.domains.known[VM]
            there.power, there.side, there.persistent = Power.RUNNING, MigrationSide.NONE, True

        for effect in (lambda: None, lambda: None, last_word):
            stand.destination.faults.before_next(Operation.READ, effect)
        record = taken_up(stand, entry)
        assert record.outcome is Outcome.SUCCEEDED
        assert stand.fleet.running(VM) == stand.fleet.defined(VM) == ("skopje",)
        assert stand.destination.faults.made(Operation.DESTROY) == 0

    def test_a_copy_that_nobody_lets_run_goes_and_the_source_goes_on(self, stand: Stand) -> None:
        entry = left_open(stand)
        stands_still_at_both_ends(stand)
        assert_at_the_source(stand, taken_up(stand, entry))
        assert stand.clock.passed_ns >= 10 * 10**9

    def test_once_it_had_arrived_the_source_is_cleaned_up(self, stand: Stand) -> None:
        entry = left_open(stand)
        stands_still_at_both_ends(stand)
        there = stand.destination.domains.known[VM]
        there.power, there.side, there.persistent = Power.RUNNING, MigrationSide.NONE, True
        assert taken_up(stand, entry).outcome is Outcome.SUCCEEDED
        assert stand.fleet.running(VM) == stand.fleet.defined(VM) == ("skopje",)
