"""Post-copy and paused moves, on fake hosts."""

from __future__ import annotations

from dataclasses import replace

from stand import VM, Stand

from ferryman.fleet.fake.domain import FakeDomain
from ferryman.fleet.fake.faults import Operation
from ferryman.fleet.fake.migration import POST_COPY_BROKEN
from ferryman.fleet.migrating import Job, JobPhase
from ferryman.fleet.values import Power
from ferryman.migration.attempt import carry_out, take_up
from ferryman.records.audit.record import MigrationRecord, Outcome
from ferryman.records.journal.entry import Step
from ferryman.specs.choices import Method


def stalls(stand: Stand, passes: int = 6) -> None:
    """Its memory gets no less."""
    stand.fleet.plan_jobs(
        VM,
        [
            Job(
                phase=JobPhase.MEMORY,
                memory_iteration=number,
                memory_remaining_bytes=9,
                memory_processed_bytes=number,
            )
            for number in range(1, passes + 1)
        ],
    )


def move(stand: Stand, method: Method) -> MigrationRecord:
    record = carry_out(stand.order(method), stand.services())
    assert record is not None
    return record


def test_it_switches_when_memory_stalls(stand: Stand) -> None:
    stalls(stand)
    record = move(stand, Method.POST_COPY)
    assert (record.outcome, record.post_copy) == (Outcome.SUCCEEDED, True)
    assert stand.fleet.running(VM) == stand.fleet.defined(VM) == ("skopje",)


def test_one_that_converges_is_never_switched(stand: Stand) -> None:
    record = move(stand, Method.POST_COPY)
    assert (record.outcome, record.post_copy) == (Outcome.SUCCEEDED, False)
    assert stand.source.faults.made(Operation.START_POST_COPY) == 0


def test_a_connection_that_breaks_is_made_anew_however_often_that_takes(stand: Stand) -> None:
    stalls(stand)
    stand.fleet.plan_breakage(VM, POST_COPY_BROKEN)
    stand.source.faults.fail_next(Operation.RESUME_POST_COPY, times=20)
    record = move(stand, Method.POST_COPY)
    assert record.outcome is Outcome.SUCCEEDED
    assert stand.fleet.running(VM) == stand.fleet.defined(VM) == ("skopje",)
    assert stand.source.faults.made(Operation.RESUME) == stand.destination.faults.made(Operation.DESTROY) == 0
    # Whoever looks meanwhile reads why it is not resumed yet.
    assert any(progress.phase.startswith("standing still, tried again: ") for progress in stand.shown)


def test_a_destination_that_may_not_drop_its_dead_connection_is_named_and_it_is_resumed_all_the_same(
    stand: Stand,
) -> None:
    stalls(stand)
    stand.fleet.plan_breakage(VM, POST_COPY_BROKEN)
    stand.destination.faults.fail_next(Operation.DROP_INCOMING, times=2)
    stand.source.faults.fail_next(Operation.RESUME_POST_COPY)
    record = move(stand, Method.POST_COPY)
    assert (record.outcome, record.post_copy) == (Outcome.SUCCEEDED, True)
    assert len([one for one in record.warnings if "its memory may not follow" in one]) == 1


def test_a_restarted_daemon_resumes_a_broken_one(stand: Stand) -> None:
    stalls(stand)
    stand.fleet.plan_breakage(VM, POST_COPY_BROKEN)
    stand.source.faults.before_next(Operation.RESUME_POST_COPY, stand.stop.set)
    stand.source.faults.fail_next(Operation.RESUME_POST_COPY)
    assert carry_out(stand.order(Method.POST_COPY), stand.services()) is None
    (entry,) = stand.journal.entries()
    assert (entry.step, entry.switched) == (Step.SWITCHING, True)
    stand.stop.clear()
    record = take_up(entry, stand.services())
    assert record is not None
    assert (record.outcome, record.recovered, record.post_copy) == (Outcome.SUCCEEDED, True, True)


def test_where_the_destination_is_lost_a_person_decides_and_the_source_is_not_resumed(stand: Stand) -> None:
    stalls(stand)
    stand.fleet.plan_breakage(VM, POST_COPY_BROKEN)

    def lost() -> None:
        there: FakeDomain = stand.destination.domains.known[VM]
        there.power, there.post_copy = Power.SHUT_OFF, False

    stand.source.faults.before_next(Operation.RESUME_POST_COPY, lost)
    stand.source.faults.fail_next(Operation.RESUME_POST_COPY)
    record = move(stand, Method.POST_COPY)
    assert record.outcome is Outcome.HELD
    assert stand.source.faults.made(Operation.RESUME) == 0
    assert stand.fleet.running(VM) == ()


def test_a_paused_move_runs_afterwards(stand: Stand) -> None:
    record = move(stand, Method.PAUSED)
    assert (record.outcome, record.switch_over) == (Outcome.SUCCEEDED, None)
    assert stand.fleet.running(VM) == ("skopje",)


def test_a_switch_that_is_refused_is_asked_for_again_and_until_then_it_has_not_switched(stand: Stand) -> None:
    stalls(stand)
    seen = set()

    def looks() -> None:
        (entry,) = stand.journal.entries()
        seen.add((stand.source.faults.made(Operation.START_POST_COPY), entry.step, entry.switched))

    stand.source.faults.fail_next(Operation.START_POST_COPY)
    order = stand.order(Method.POST_COPY)
    for _ in range(8):
        stand.source.faults.before_next(Operation.JOB, looks)
    record = carry_out(order, stand.services())
    assert record is not None
    assert (record.outcome, record.post_copy) == (Outcome.SUCCEEDED, True)
    assert stand.source.faults.made(Operation.START_POST_COPY) == 2
    assert {one for one in seen if one[0] == 1} == {(1, Step.TRANSFERRING, False)}


def test_a_migration_that_is_to_be_given_up_is_aborted_until_it_is(stand: Stand) -> None:
    stalls(stand, passes=40)
    stand.source.faults.fail_next(Operation.ABORT, times=2)
    order = stand.order(Method.LIVE)
    order = replace(order, spec=order.spec.model_copy(update={"max_downtime_ms": 1}))
    record = carry_out(order, stand.services())
    assert record is not None
    assert record.outcome is Outcome.FAILED
    assert "writes faster than the link carries" in record.reason
    assert stand.source.faults.made(Operation.ABORT) >= 3


def test_somebody_elses_migration_is_watched_and_not_steered(stand: Stand) -> None:
    entry = stand.left_open(Method.POST_COPY, Step.PREPARING)
    stalls(stand)
    stand.fleet.begin_migration("tallinn", stand.request())
    take_up(entry, stand.services())
    made = stand.source.faults.made
    assert made(Operation.ABORT) == made(Operation.START_POST_COPY) == made(Operation.SET_MAX_DOWNTIME) == 0
    assert stand.fleet.running(VM) == ("skopje",)
