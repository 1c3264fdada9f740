"""The recovery tables, over every state that two ends can be in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import pytest

from ferryman.migration.recovery import WAITS, Action, End, Known, Seen, next_action
from ferryman.records.values import Step
from ferryman.specs.models import Method

METHODS = (Method.LIVE, Method.COLD)
TERMINAL = frozenset({Action.SUCCEEDED, Action.HOLD})
HANDS_OFF = WAITS | TERMINAL
"""What touches neither host."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    method: Method
    step: Step
    runs: bool
    seen: Seen
    known: Known

    @property
    def action(self) -> Action:
        return next_action(self.method, self.step, runs=self.runs, seen=self.seen, known=self.known)


def every_case() -> Iterator[Case]:
    flags = (False, True)
    for method, step, runs, source, destination, job in product(METHODS, Step, flags, End, End, flags):
        for failed, refused, late in product(flags, flags, flags):
            yield Case(
                method=method,
                step=step,
                runs=runs,
                seen=Seen(source=source, destination=destination, job=job),
                known=Known(transfer_failed=failed, start_refused=refused, may_power_off=late),
            )


ALL = tuple(every_case())


def those(*actions: Action) -> list[Case]:
    return [case for case in ALL if case.action in actions]


class TestNeverTwoCopies:
    def test_the_source_is_started_or_resumed_only_where_the_destination_answers_that_it_is_not_there(self) -> None:
        cases = those(Action.START_SOURCE, Action.RESUME_SOURCE)
        assert cases
        assert {case.seen.destination for case in cases} == {End.ABSENT}

    def test_the_destination_is_started_only_where_the_source_answers_that_it_is_off_or_gone(self) -> None:
        cases = those(Action.START_DESTINATION)
        assert cases
        assert {case.seen.source for case in cases} == {End.SHUT_OFF, End.ABSENT}
        assert {case.step for case in cases} == {Step.ACTIVATING}

    def test_the_source_is_finished_only_where_it_does_not_run_and_the_destination_has_the_vm(self) -> None:
        cases = those(Action.FINISH)
        assert cases
        assert not {case.seen.source for case in cases} & {End.RUNNING, End.UNREACHABLE, End.STOPPING}
        assert not {case.seen.destination for case in cases} & {End.ABSENT, End.UNREACHABLE, End.PAUSED}

    def test_running_twice_is_for_a_person(self) -> None:
        twice = [case for case in ALL if case.seen == Seen(source=End.RUNNING, destination=End.RUNNING)]
        assert {case.action for case in twice} == {Action.HOLD}

    def test_a_source_that_was_seen_to_have_arrived_elsewhere_is_never_started_again(self) -> None:
        arrived = {case.action for case in ALL if case.step is Step.FINISHING}
        assert arrived <= HANDS_OFF | {Action.FINISH}


class TestUnreachableIsNeverAbsent:
    def test_nothing_is_touched_while_an_end_cannot_be_read(self) -> None:
        blind = [case for case in ALL if End.UNREACHABLE in (case.seen.source, case.seen.destination)]
        assert {case.action for case in blind} == {Action.WAIT_FOR_HOST, Action.WAIT_FOR_JOB}

    def test_nothing_is_touched_while_the_hypervisor_migrates(self) -> None:
        assert {case.action for case in ALL if case.seen.job} == {Action.WAIT_FOR_JOB}

    def test_nothing_is_touched_while_a_guest_is_going_down(self) -> None:
        stopping = [case for case in ALL if End.STOPPING in (case.seen.source, case.seen.destination)]
        assert {case.action for case in stopping} <= WAITS


class TestNothingIsLost:
    def test_volumes_are_removed_only_where_the_source_has_the_vm_and_the_destination_has_not(self) -> None:
        cases = those(Action.UNDO)
        assert {case.seen.destination for case in cases} == {End.ABSENT}
        assert not {case.seen.source for case in cases} & {End.ABSENT, End.UNREACHABLE, End.STOPPING}
        assert Step.FINISHING not in {case.step for case in cases}

    def test_a_live_move_whose_end_is_not_known_keeps_the_volumes_of_a_vm_that_is_off(self) -> None:
        cases = [
            case
            for case in ALL
            if (case.method, case.step) == (Method.LIVE, Step.TRANSFERRING)
            and case.seen == Seen(source=End.SHUT_OFF, destination=End.ABSENT)
        ]
        assert {case.action for case in cases if not case.known.transfer_failed} == {Action.HOLD}
        assert {case.action for case in cases if case.known.transfer_failed} == {Action.UNDO}

    def test_a_copy_is_destroyed_only_where_it_never_ran(self) -> None:
        assert {case.seen.destination for case in those(Action.ABORT)} == {End.PAUSED}

    def test_a_definition_is_taken_back_only_after_the_source_still_has_one(self) -> None:
        assert {case.seen.source for case in those(Action.UNDEFINE_DESTINATION)} == {End.SHUT_OFF}

    def test_a_vm_that_was_not_touched_yet_is_not_touched_after_a_restart(self) -> None:
        untouched = {case.action for case in ALL if case.step is Step.PREPARING}
        assert untouched <= HANDS_OFF | {Action.UNDO}

    def test_a_vm_that_was_off_is_never_started(self) -> None:
        started = those(Action.START_SOURCE, Action.START_DESTINATION)
        assert all(case.runs for case in started)


@pytest.mark.parametrize(
    ("source", "destination", "expected"),
    [
        (End.RUNNING, End.ABSENT, [Action.UNDO]),
        (End.RUNNING, End.PAUSED, [Action.ABORT]),
        (End.PAUSED, End.ABSENT, [Action.RESUME_SOURCE]),
        (End.PAUSED, End.RUNNING, [Action.FINISH]),
        (End.PAUSED, End.PAUSED, [Action.ABORT]),
        (End.PAUSED, End.UNREACHABLE, [Action.WAIT_FOR_HOST]),
        (End.UNREACHABLE, End.RUNNING, [Action.WAIT_FOR_HOST]),
        (End.SHUT_OFF, End.RUNNING, [Action.FINISH]),
        (End.RUNNING, End.RUNNING, [Action.HOLD]),
    ],
)
def test_an_interrupted_live_migration_is_settled_as_libvirt_asks_of_a_third_party(
    source: End, destination: End, expected: list[Action]
) -> None:
    seen = Seen(source=source, destination=destination)
    assert [next_action(Method.LIVE, Step.TRANSFERRING, runs=True, seen=seen)] == expected


@pytest.mark.parametrize(
    ("step", "source", "destination", "expected"),
    [
        (Step.TRANSFERRING, End.SHUT_OFF, End.ABSENT, Action.START_SOURCE),
        (Step.ACTIVATING, End.SHUT_OFF, End.ABSENT, Action.START_SOURCE),
        (Step.ACTIVATING, End.SHUT_OFF, End.SHUT_OFF, Action.START_DESTINATION),
        (Step.ACTIVATING, End.SHUT_OFF, End.RUNNING, Action.FINISH),
        (Step.ACTIVATING, End.RUNNING, End.SHUT_OFF, Action.HOLD),
        (Step.TRANSFERRING, End.SHUT_OFF, End.SHUT_OFF, Action.HOLD),
        (Step.FINISHING, End.SHUT_OFF, End.SHUT_OFF, Action.FINISH),
        (Step.FINISHING, End.SHUT_OFF, End.ABSENT, Action.HOLD),
        (Step.FINISHING, End.ABSENT, End.RUNNING, Action.SUCCEEDED),
    ],
)
def test_an_interrupted_cold_move_is_finished_or_rolled_back(
    step: Step, source: End, destination: End, expected: Action
) -> None:
    assert next_action(Method.COLD, step, runs=True, seen=Seen(source=source, destination=destination)) is expected


def test_a_guest_that_was_asked_to_power_off_is_waited_for_before_the_move_is_undone() -> None:
    seen = Seen(source=End.RUNNING, destination=End.ABSENT)
    late = next_action(Method.COLD, Step.TRANSFERRING, runs=True, seen=seen, known=Known(may_power_off=True))
    assert late is Action.WAIT_FOR_POWER
    assert next_action(Method.COLD, Step.TRANSFERRING, runs=True, seen=seen) is Action.UNDO
