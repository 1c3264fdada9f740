"""The recovery tables, over every state that two ends can be in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import pytest

from ferryman.fleet.values import Off
from ferryman.migration.settling.actions import LETS_RUN, WAITS, Action
from ferryman.migration.settling.ends import End, Seen
from ferryman.migration.settling.holds import Hold, Way, advice
from ferryman.migration.settling.knowing import Known
from ferryman.migration.settling.recovery import Ruling, rule
from ferryman.records.journal.entry import Step
from ferryman.specs.choices import Method

METHODS = (Method.LIVE, Method.POST_COPY, Method.PAUSED, Method.COLD)
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
    ruling: Ruling

    @property
    def action(self) -> Action:
        return self.ruling.action


ELSEWHERE: tuple[dict[str, Any], ...] = (
    {"elsewhere": ("riga",)},
    {"unread": ("riga",)},
    {"unread": ("riga",), "source_off": Off.SHUT_DOWN, "destination_off": Off.ENDED},
    {"source_off": Off.LEFT},
    {"destination_off": Off.LEFT},
    {"claimed_by": "ann@desk"},
)
"""What else can be known of the rest of the world."""


def every_case() -> Iterator[Case]:
    flags = (False, True)
    all_seen = [Seen(source=here, destination=there, job=job) for here, there, job in product(End, End, flags)]
    all_seen += [Seen(source=here, destination=there, **more) for here, there, more in product(End, End, ELSEWHERE)]
    all_known = [
        Known(transfer_failed=failed, start_refused=refused, may_power_off=late, untouched=untouched)
        for failed, refused, late, untouched in product(flags, flags, flags, flags)
    ]
    all_known += [
        Known(transfer_failed=failed, untouched=untouched, undriven=True, may_arrive=lately)
        for failed, untouched, lately in product(flags, flags, flags)
    ]
    all_known += [Known(witnessed=True, start_refused=refused, mirrored=refused) for refused in flags]
    for method, step, runs, seen, known in product(METHODS, Step, flags, all_seen, all_known):
        ruling = rule(method, step, runs=runs, seen=seen, known=known)
        yield Case(method=method, step=step, runs=runs, seen=seen, known=known, ruling=ruling)


ALL = tuple(every_case())


def those(*actions: Action) -> list[Case]:
    return [case for case in ALL if case.action in actions]


class TestEveryCell:
    def test_is_decided_and_whatever_is_held_says_why(self) -> None:
        known = 2**4 + 2**3 + 2
        seen = len(End) ** 2 * (2 + len(ELSEWHERE))
        assert len(ALL) == len(METHODS) * len(Step) * 2 * seen * known == 638_976
        assert {case.ruling.hold is None for case in ALL if case.action is not Action.HOLD} == {True}
        assert {case.ruling.hold for case in those(Action.HOLD)} == set(Hold)

    @pytest.mark.parametrize("hold", Hold)
    def test_a_hold_names_the_hosts_the_command_that_mends_it_and_the_one_that_goes_on(self, hold: Hold) -> None:
        said = advice(hold, Way(vm="guest-01", source="tallinn", destination="skopje"))
        assert "virsh" in said.remedy
        assert said.remedy.endswith("Then: ferryman recover guest-01 --accept")
        assert not {"{", "}"} & set(said.reason + said.remedy)

    def test_what_a_person_was_advised_to_do_is_then_accepted(self) -> None:
        """Left running at one end and gone at the other, the move ends, whatever held it."""
        for case in those(Action.HOLD):
            if case.step in (Step.PREPARING, Step.FINISHING) or case.ruling.hold is Hold.NOWHERE:
                continue
            kept_here = Seen(source=End.RUNNING, destination=End.ABSENT)
            kept_there = Seen(source=End.ABSENT, destination=End.RUNNING)
            assert rule(case.method, case.step, runs=case.runs, seen=kept_here).action is Action.UNDO
            if (case.method, case.step) != (Method.COLD, Step.TRANSFERRING):
                assert rule(case.method, case.step, runs=case.runs, seen=kept_there).action is Action.SUCCEEDED


class TestNeverTwoCopies:
    def test_the_source_is_started_or_resumed_only_where_the_destination_answers_that_it_is_not_there(self) -> None:
        cases = those(Action.START_SOURCE, Action.RESUME_SOURCE)
        assert cases
        assert {case.seen.destination for case in cases} == {End.ABSENT}

    def test_the_destination_is_started_only_where_the_source_answers_that_it_is_off_or_gone(self) -> None:
        cases = those(Action.START_DESTINATION)
        assert cases
        assert {case.seen.source for case in cases} == {End.SHUT_OFF, End.ABSENT}
        assert {case.step for case in cases} == {Step.ACTIVATING, Step.STARTING}

    def test_the_source_is_finished_only_where_it_does_not_run_and_the_destination_has_the_vm(self) -> None:
        cases = those(Action.FINISH)
        assert cases
        assert not {case.seen.source for case in cases} & {End.RUNNING, End.UNREACHABLE, End.STOPPING}
        assert not {case.seen.destination for case in cases} & {End.ABSENT, End.UNREACHABLE, End.PAUSED}

    def test_nothing_is_let_run_that_runs_on_another_host_or_left_for_one_or_that_another_daemon_moves(self) -> None:
        cases = those(*LETS_RUN)
        assert cases
        assert not [case for case in cases if case.seen.elsewhere or case.seen.claimed_by]
        assert not [case for case in cases if Off.LEFT in (case.seen.source_off, case.seen.destination_off)]

    def test_where_other_hosts_are_silent_only_what_was_seen_to_be_nowhere_else_is_let_run(self) -> None:
        """The guest's newest run ended here, or this run of the daemon has watched it all the time."""
        cases = [case for case in those(*LETS_RUN) if case.seen.unread]
        assert {case.known.witnessed or case.seen.source_off is Off.SHUT_DOWN for case in cases} == {True}

    def test_running_twice_is_for_a_person(self) -> None:
        twice = [
            case
            for case in ALL
            if (case.seen.source, case.seen.destination, case.seen.job) == (End.RUNNING, End.RUNNING, False)
        ]
        assert {case.action for case in twice} == {Action.HOLD}

    def test_a_source_that_was_seen_to_have_arrived_elsewhere_is_never_started_again(self) -> None:
        arrived = {case.action for case in ALL if case.step is Step.FINISHING}
        assert arrived <= HANDS_OFF | {Action.FINISH}


class TestUnreachableIsNeverAbsent:
    def test_nothing_is_touched_while_an_end_cannot_be_read(self) -> None:
        blind = [case for case in ALL if End.UNREACHABLE in (case.seen.source, case.seen.destination)]
        assert {case.action for case in blind if not case.seen.job} == {Action.WAIT_FOR_HOST, Action.END_MIRRORS}

    def test_only_a_running_guest_whose_writes_wait_for_a_silent_destination_is_freed_of_its_mirrors(self) -> None:
        cases = those(Action.END_MIRRORS)
        assert {(case.seen.source, case.seen.destination) for case in cases} == {(End.RUNNING, End.UNREACHABLE)}
        assert {(case.method, case.step) for case in cases} == {
            (Method.COLD, Step.PREPARING),
            (Method.COLD, Step.TRANSFERRING),
        }
        assert all(case.known.mirrored for case in cases)

    def test_nothing_is_touched_while_the_hypervisor_migrates(self) -> None:
        driven = [case for case in ALL if case.seen.job and not case.known.undriven]
        assert {case.action for case in driven} == {Action.WAIT_FOR_JOB}

    def test_a_migration_that_nobody_drives_any_more_is_cancelled_but_never_after_the_switch(self) -> None:
        jobs = [case for case in ALL if case.seen.job and case.known.undriven]
        assert {case.action for case in jobs} == {Action.CANCEL_JOB, Action.WAIT_FOR_JOB}
        cancelled = [case for case in jobs if case.action is Action.CANCEL_JOB]
        assert {case.step for case in cancelled} == {Step.TRANSFERRING, Step.SWITCHING}
        switching = [case for case in cancelled if case.step is Step.SWITCHING]
        assert {case.seen.destination for case in switching} == {End.ABSENT}
        assert {case.seen.source for case in switching} == {End.RUNNING, End.PAUSED}
        assert {case.known.undriven for case in those(Action.CANCEL_JOB, Action.WAIT_FOR_ARRIVAL)} == {True}

    def test_nothing_is_touched_while_a_guest_is_going_down(self) -> None:
        stopping = [case for case in ALL if End.STOPPING in (case.seen.source, case.seen.destination)]
        assert {case.action for case in stopping} <= WAITS | {Action.CANCEL_JOB}


class TestNothingIsLost:
    def test_volumes_are_removed_only_where_the_source_has_the_vm_and_the_destination_has_not(self) -> None:
        cases = [case for case in those(Action.UNDO) if not case.known.untouched]
        assert {case.seen.destination for case in cases} == {End.ABSENT}
        assert not {case.seen.source for case in cases} & {End.ABSENT, End.UNREACHABLE, End.STOPPING}
        assert Step.FINISHING not in {case.step for case in cases}

    def test_an_attempt_that_did_nothing_yet_ends_whatever_somebody_did_with_the_vm(self) -> None:
        cases = [case for case in ALL if case.step is Step.PREPARING and case.known.untouched]
        cases = [case for case in cases if case.seen.source is not End.SUSPENDED]  # none is
        assert {case.ruling.hold for case in cases} == {None, Hold.RUNS_TWICE, Hold.MEMORY_LOST}
        later = [case for case in ALL if case.step is not Step.PREPARING]
        assert {case.known.untouched for case in later if case.action is Action.UNDO} == {False, True}
        assert all(
            rule(case.method, case.step, runs=case.runs, seen=case.seen, known=replace(case.known, untouched=False))
            == case.ruling
            for case in later
        )

    def test_a_live_move_whose_end_is_not_known_keeps_the_volumes_of_a_vm_that_is_off(self) -> None:
        cases = [
            case
            for case in ALL
            if (case.method, case.step) == (Method.LIVE, Step.TRANSFERRING)
            and case.seen == Seen(source=End.SHUT_OFF, destination=End.ABSENT)
        ]
        assert {case.action for case in cases if not case.known.transfer_failed} == {Action.HOLD}
        assert {case.action for case in cases if case.known.transfer_failed} == {Action.UNDO}

    def test_a_source_that_is_off_after_the_switch_to_post_copy_has_left_whatever_the_call_said(self) -> None:
        cases = [case for case in ALL if case.step is Step.SWITCHING and case.seen.source is End.SHUT_OFF]
        assert cases
        assert {case.action for case in cases} <= HANDS_OFF | {Action.FINISH}

    def test_of_two_that_are_off_the_one_that_libvirt_saw_arrive_and_power_itself_off_is_the_newest(self) -> None:
        both = Seen(source=End.SHUT_OFF, destination=End.SHUT_OFF)
        arrived = replace(both, source_off=Off.LEFT, destination_off=Off.SHUT_DOWN)
        for method, step in ((Method.LIVE, Step.TRANSFERRING), (Method.POST_COPY, Step.SWITCHING)):
            assert rule(method, step, runs=True, seen=arrived).action is Action.FINISH
            assert rule(method, step, runs=True, seen=both).hold is Hold.TWO_DEFINITIONS
            ended = replace(arrived, destination_off=Off.ENDED)
            assert rule(method, step, runs=True, seen=ended).action is Action.FINISH
            unknown = replace(arrived, destination_off=Off.UNKNOWN)
            assert rule(method, step, runs=True, seen=unknown).hold is Hold.TWO_DEFINITIONS
        assert rule(Method.COLD, Step.TRANSFERRING, runs=True, seen=arrived).action is Action.HOLD

    def test_half_a_guest_is_neither_resumed_nor_started_nor_destroyed(self) -> None:
        halves = [case for case in ALL if End.PARTIAL in (case.seen.source, case.seen.destination)]
        # An attempt that did nothing has nothing to undo, and only ends.
        halves = [case for case in halves if not (case.step is Step.PREPARING and case.known.untouched)]
        waits = WAITS - {Action.WAIT_FOR_ARRIVAL} | {Action.CANCEL_JOB}
        assert {case.action for case in halves} == waits | {Action.HOLD, Action.RESUME_POST_COPY, Action.FINISH}
        finished = [case for case in halves if case.action is Action.FINISH]
        assert {(case.seen.source, case.seen.destination) for case in finished} == {(End.PARTIAL, End.RUNNING)}

    def test_a_copy_is_destroyed_only_where_it_never_ran(self) -> None:
        assert {case.seen.destination for case in those(Action.ABORT)} == {End.PAUSED}

    def test_a_definition_is_taken_back_only_after_the_source_still_has_one(self) -> None:
        assert {case.seen.source for case in those(Action.UNDEFINE_DESTINATION)} == {End.SHUT_OFF}

    def test_a_vm_that_may_have_run_at_the_destination_is_not_started_from_the_sources_disks(self) -> None:
        later = [case for case in ALL if case.step is Step.STARTING and case.method is Method.COLD]
        assert Action.START_SOURCE not in {case.action for case in later}
        assert all(case.known.start_refused for case in those(Action.UNDEFINE_DESTINATION))

    def test_a_vm_that_was_not_touched_yet_is_not_touched_after_a_restart(self) -> None:
        untouched = {case.action for case in ALL if case.step is Step.PREPARING}
        assert untouched <= HANDS_OFF | {Action.UNDO, Action.END_MIRRORS}

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
    assert [rule(Method.LIVE, Step.TRANSFERRING, runs=True, seen=seen).action] == expected


@pytest.mark.parametrize(
    ("step", "source", "destination", "expected"),
    [
        (Step.TRANSFERRING, End.SHUT_OFF, End.ABSENT, Action.START_SOURCE),
        (Step.ACTIVATING, End.SHUT_OFF, End.ABSENT, Action.START_SOURCE),
        (Step.ACTIVATING, End.SHUT_OFF, End.SHUT_OFF, Action.START_DESTINATION),
        (Step.ACTIVATING, End.SHUT_OFF, End.RUNNING, Action.FINISH),
        (Step.STARTING, End.SHUT_OFF, End.SHUT_OFF, Action.START_DESTINATION),
        (Step.STARTING, End.SHUT_OFF, End.ABSENT, Action.HOLD),
        (Step.STARTING, End.SHUT_OFF, End.RUNNING, Action.FINISH),
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
    assert rule(Method.COLD, step, runs=True, seen=Seen(source=source, destination=destination)).action is expected


def test_a_copy_that_a_dead_daemon_may_have_let_run_is_not_destroyed_at_once() -> None:
    seen = Seen(source=End.PAUSED, destination=End.PAUSED)
    lately = Known(undriven=True, may_arrive=True)
    assert rule(Method.LIVE, Step.TRANSFERRING, runs=True, seen=seen, known=lately).action is Action.WAIT_FOR_ARRIVAL
    later = Known(undriven=True)
    assert rule(Method.LIVE, Step.TRANSFERRING, runs=True, seen=seen, known=later).action is Action.ABORT


def test_a_guest_that_was_asked_to_power_off_is_waited_for_before_the_move_is_undone() -> None:
    seen = Seen(source=End.RUNNING, destination=End.ABSENT)
    late = rule(Method.COLD, Step.TRANSFERRING, runs=True, seen=seen, known=Known(may_power_off=True)).action
    assert late is Action.WAIT_FOR_POWER
    assert rule(Method.COLD, Step.TRANSFERRING, runs=True, seen=seen).action is Action.UNDO
