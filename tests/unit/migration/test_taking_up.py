"""A restarted daemon brings the moves of the one before to their end."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stand import NOON, VM, Stand

from ferryman.downtime.values import MeasurementStatus
from ferryman.fleet.fake.domain import Shutdown, parsed
from ferryman.fleet.fake.faults import Operation
from ferryman.fleet.fake.migration import Breakage
from ferryman.fleet.migrating import Job, JobPhase
from ferryman.fleet.values import MigrationSide, Power
from ferryman.migration.attempt import take_up
from ferryman.records.audit.record import MigrationRecord, Outcome
from ferryman.records.journal.entry import Step
from ferryman.specs.choices import Method

IMAGE = f"{VM}.img"


def taken_up(stand: Stand, method: Method, step: Step) -> MigrationRecord:
    record = take_up(stand.left_open(method, step), stand.services())
    assert record is not None
    assert record.recovered
    assert record.measurement.status is MeasurementStatus.UNMEASURED
    return record


def put_at_destination(stand: Stand, power: Power, side: MigrationSide = MigrationSide.NONE) -> None:
    there = parsed(stand.source.domains.known[VM].xml)
    there.power, there.side = power, side
    stand.destination.domains.known[VM] = there


class TestPreparing:
    @pytest.mark.parametrize("method", [Method.LIVE, Method.COLD])
    @pytest.mark.parametrize("power", [Power.RUNNING, Power.PAUSED, Power.SHUT_OFF])
    def test_the_vm_is_left_as_it_is_and_the_volume_removed(self, stand: Stand, method: Method, power: Power) -> None:
        entry = stand.left_open(method, Step.PREPARING)
        stand.source.domains.known[VM].power = power
        record = take_up(entry, stand.services())
        assert record is not None
        assert record.outcome is Outcome.FAILED
        assert stand.source.domains.known[VM].power is power
        assert stand.volumes_at_destination() == set()


class TestLive:
    def test_one_that_goes_on_is_adopted_and_watched_to_its_end(self, stand: Stand) -> None:
        entry = stand.left_open(Method.LIVE, Step.TRANSFERRING)
        stand.fleet.plan_jobs(VM, [Job(phase=JobPhase.MEMORY, memory_iteration=n) for n in range(1, 6)])
        stand.fleet.begin_migration("tallinn", stand.request())
        record = take_up(entry, stand.services())
        assert record is not None
        assert (record.outcome, record.recovered) == (Outcome.SUCCEEDED, True)
        assert stand.fleet.running(VM) == stand.fleet.defined(VM) == ("skopje",)

    def test_one_that_goes_on_and_breaks_ends_at_the_source(self, stand: Stand) -> None:
        entry = stand.left_open(Method.LIVE, Step.TRANSFERRING)
        stand.fleet.plan_jobs(VM, [Job(phase=JobPhase.MEMORY, memory_iteration=n) for n in range(1, 6)])
        stand.fleet.plan_breakage(VM, Breakage(source=Power.PAUSED, destination=Power.PAUSED))
        stand.fleet.begin_migration("tallinn", stand.request())
        record = take_up(entry, stand.services())
        assert record is not None
        assert record.outcome is Outcome.FAILED
        assert stand.fleet.running(VM) == ("tallinn",)
        assert stand.volumes_at_destination() == set()

    def test_one_that_a_daemon_which_stops_again_leaves_stays_open(self, stand: Stand) -> None:
        entry = stand.left_open(Method.LIVE, Step.TRANSFERRING)
        stand.fleet.plan_jobs(VM, [Job(phase=JobPhase.MEMORY, memory_iteration=1)] * 50)
        stand.fleet.begin_migration("tallinn", stand.request())
        stand.stop.waits_until_set = 3
        assert take_up(entry, stand.services()) is None
        assert stand.journal.entries() == (entry,)

    def test_one_that_ended_between_two_questions_does_not_look_like_a_vm_that_runs_twice(self, stand: Stand) -> None:
        entry = stand.left_open(Method.LIVE, Step.TRANSFERRING)
        stand.fleet.plan_jobs(VM, [Job(phase=JobPhase.MEMORY, memory_iteration=1)])
        stand.fleet.begin_migration("tallinn", stand.request())

        def ends() -> None:
            stand.source.migrations.job(VM)

        stand.source.faults.before_next(Operation.READ, lambda: None)
        stand.destination.faults.before_next(Operation.READ, ends)
        record = take_up(entry, stand.services())
        assert record is not None
        assert record.outcome is Outcome.SUCCEEDED

    def test_one_that_arrived_is_finished(self, stand: Stand) -> None:
        entry = stand.left_open(Method.LIVE, Step.TRANSFERRING)
        put_at_destination(stand, Power.RUNNING)
        stand.source.domains.known[VM].power = Power.SHUT_OFF
        record = take_up(entry, stand.services())
        assert record is not None
        assert (record.outcome, stand.fleet.defined(VM)) == (Outcome.SUCCEEDED, ("skopje",))
        assert [at.host for at in record.left_behind] == ["tallinn"]

    def test_a_source_that_somebody_starts_while_it_is_finished_keeps_its_definition(self, stand: Stand) -> None:
        entry = stand.left_open(Method.LIVE, Step.TRANSFERRING)
        put_at_destination(stand, Power.RUNNING)
        here = stand.source.domains.known[VM]
        here.power = Power.SHUT_OFF

        def starts() -> None:
            here.power = Power.RUNNING

        stand.source.faults.before_next(Operation.POWER, starts)
        record = take_up(entry, stand.services())
        assert record is not None
        assert (record.outcome, "RUNS ON BOTH" in record.reason) == (Outcome.HELD, True)
        assert stand.fleet.defined(VM) == ("tallinn", "skopje")
        assert set(stand.fleet.violations) == {f"{VM} runs on tallinn and skopje"}
        stand.fleet.violations.clear()  # the test's own doing

    def test_one_that_is_nowhere_to_be_seen_running_keeps_both_disks(self, stand: Stand) -> None:
        entry = stand.left_open(Method.LIVE, Step.TRANSFERRING)
        stand.source.domains.known[VM].power = Power.SHUT_OFF
        record = take_up(entry, stand.services())
        assert record is not None
        assert record.outcome is Outcome.HELD
        assert stand.volumes_at_destination() == {IMAGE}


class TestCold:
    def test_a_guest_that_was_seen_off_and_was_started_by_somebody_is_not_waited_for(self, stand: Stand) -> None:
        entry = replace(stand.left_open(Method.COLD, Step.TRANSFERRING), asked_at=NOON, went_off=True)
        record = take_up(entry, stand.services())
        assert record is not None
        assert (record.outcome, stand.clock.passed_ns) == (Outcome.FAILED, 0)

    def test_a_guest_that_was_going_down_is_waited_for_and_started_again(self, stand: Stand) -> None:
        entry = stand.left_open(Method.COLD, Step.TRANSFERRING)
        domain = stand.source.domains.known[VM]
        domain.shutdown, domain.asked_to_power_off = Shutdown.LATE, True
        for _ in range(4):
            stand.source.faults.before_next(Operation.READ, lambda: None)
        record = take_up(entry, stand.services())
        assert record is not None
        assert (record.outcome, stand.fleet.running(VM)) == (Outcome.FAILED, ("tallinn",))

    def test_a_guest_that_never_heard_of_it_runs_on(self, stand: Stand) -> None:
        record = taken_up(stand, Method.COLD, Step.TRANSFERRING)
        assert (record.outcome, stand.fleet.running(VM)) == (Outcome.FAILED, ("tallinn",))
        assert stand.clock.passed_ns >= 60 * 10**9
        assert stand.volumes_at_destination() == set()

    def test_killed_between_shutdown_and_start_it_is_brought_back(self, stand: Stand) -> None:
        entry = stand.left_open(Method.COLD, Step.TRANSFERRING)
        stand.source.domains.known[VM].power = Power.SHUT_OFF
        record = take_up(entry, stand.services())
        assert record is not None
        assert (record.outcome, stand.fleet.running(VM)) == (Outcome.FAILED, ("tallinn",))

    def test_killed_once_it_was_defined_at_the_destination_it_is_finished(self, stand: Stand) -> None:
        entry = stand.left_open(Method.COLD, Step.ACTIVATING)
        stand.source.domains.known[VM].power = Power.SHUT_OFF
        put_at_destination(stand, Power.SHUT_OFF)
        record = take_up(entry, stand.services())
        assert record is not None
        assert record.outcome is Outcome.SUCCEEDED
        assert stand.fleet.running(VM) == stand.fleet.defined(VM) == ("skopje",)

    def test_killed_before_it_was_defined_at_the_destination_it_is_brought_back(self, stand: Stand) -> None:
        entry = stand.left_open(Method.COLD, Step.ACTIVATING)
        stand.source.domains.known[VM].power = Power.SHUT_OFF
        record = take_up(entry, stand.services())
        assert record is not None
        assert (record.outcome, stand.fleet.running(VM)) == (Outcome.FAILED, ("tallinn",))

    def test_killed_while_the_source_was_being_undefined_it_is_finished(self, stand: Stand) -> None:
        entry = stand.left_open(Method.COLD, Step.FINISHING)
        put_at_destination(stand, Power.RUNNING)
        del stand.source.domains.known[VM]
        record = take_up(entry, stand.services())
        assert record is not None
        assert record.outcome is Outcome.SUCCEEDED

    def test_a_vm_that_arrived_and_went_on_elsewhere_is_not_started_again(self, stand: Stand) -> None:
        entry = stand.left_open(Method.COLD, Step.FINISHING)
        stand.source.domains.known[VM].power = Power.SHUT_OFF
        record = take_up(entry, stand.services())
        assert record is not None
        assert (record.outcome, stand.fleet.running(VM)) == (Outcome.HELD, ())
        assert stand.volumes_at_destination() == {IMAGE}


class TestSomebodyElse:
    def test_running_at_both_ends_nothing_is_touched(self, stand: Stand) -> None:
        entry = stand.left_open(Method.LIVE, Step.TRANSFERRING)
        put_at_destination(stand, Power.RUNNING)
        record = take_up(entry, stand.services())
        assert record is not None
        assert record.outcome is Outcome.HELD
        assert "running on tallinn and running on skopje" in record.reason
        assert stand.fleet.violations
        stand.fleet.violations.clear()

    def test_another_vm_of_the_same_name_is_not_this_one(self, stand: Stand) -> None:
        entry = stand.left_open(Method.COLD, Step.ACTIVATING)
        stand.source.domains.known[VM].power = Power.SHUT_OFF
        put_at_destination(stand, Power.SHUT_OFF)
        stand.destination.domains.known[VM].uuid = "0d6cf8b4-94b1-4fdb-9c2e-3a7b5f0c1d2e"
        take_up(entry, stand.services())
        assert stand.destination.faults.made(Operation.START) == 0
        assert stand.destination.faults.made(Operation.UNDEFINE) == 0


POWERS = st.sampled_from([None, Power.RUNNING, Power.PAUSED, Power.SHUTTING_DOWN, Power.SHUT_OFF, Power.CRASHED])
TOUCHES = [
    Operation.START,
    Operation.RESUME,
    Operation.DESTROY,
    Operation.UNDEFINE,
    Operation.DELETE,
    Operation.DEFINE,
]


@settings(max_examples=150, deadline=None)
@given(
    method=st.sampled_from([Method.LIVE, Method.COLD]),
    step=st.sampled_from(Step),
    source=POWERS,
    destination=POWERS,
    incoming=st.booleans(),
    fails=st.lists(st.tuples(st.booleans(), st.sampled_from(TOUCHES), st.integers(1, 4), st.booleans()), max_size=3),
)
def test_from_any_state_and_whatever_fails_it_ends_and_breaks_nothing(
    tmp_path_factory: pytest.TempPathFactory,
    method: Method,
    step: Step,
    source: Power | None,
    destination: Power | None,
    incoming: bool,
    fails: list[tuple[bool, Operation, int, bool]],
) -> None:
    stand = Stand(tmp_path_factory.mktemp("state"))
    stand.source.add_vm(VM)
    entry = stand.left_open(method, step)
    stand.stop.waits_until_set = 400
    if destination is not None:
        side = MigrationSide.INCOMING if incoming and destination is Power.PAUSED else MigrationSide.NONE
        put_at_destination(stand, destination, side)
    if source is None:
        del stand.source.domains.known[VM]
    else:
        stand.source.domains.known[VM].power = source
    ran_before = stand.fleet.running(VM)
    for at_source, operation, times, after_effect in fails:
        host = stand.source if at_source else stand.destination
        host.faults.fail_next(operation, times=times, after_effect=after_effect)
    record = take_up(entry, stand.services())
    if record is None:
        # Only a guest that is for ever about to be off keeps a move open.
        assert Power.SHUTTING_DOWN in (source, destination)
    if len(ran_before) < 2:
        assert stand.fleet.violations == []
    else:
        assert stand.fleet.running(VM) == ran_before
    if record is not None and record.outcome is Outcome.SUCCEEDED:
        assert stand.fleet.defined(VM) == ("skopje",)
