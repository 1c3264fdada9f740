"""What is done about a migration that is under way."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from ferryman.fleet.migrating import Job, JobPhase
from ferryman.fleet.values import DirtyRate
from ferryman.migration.live.steering import SILENT_S, Course, Rules, Turn, course, expected_rest_ms, look_in_s, steer
from ferryman.planning.modes import SwitchOver
from ferryman.specs.choices import Method, OnStall

MIB = 1024 * 1024
LIVE = Rules(method=Method.LIVE, on_stall=OnStall.ABORT, switch_over=SwitchOver.LADDER)


def memory(iteration: int, remaining_mib: int, *, mib_s: int = 5, processed_mib: int = 0) -> Job:
    return Job(
        phase=JobPhase.MEMORY,
        memory_iteration=iteration,
        memory_total_bytes=100 * MIB,
        memory_remaining_bytes=remaining_mib * MIB,
        memory_processed_bytes=processed_mib * MIB,
        memory_bytes_s=mib_s * MIB,
    )


def steered(rules: Rules, jobs: Iterable[Job], every_s: float = 1.0) -> Course:
    at = course(rules, 0.0)
    for number, job in enumerate(jobs, 1):
        at = steer(at, job, rules, number * every_s)
    return at


def drained(jobs: list[Job]) -> list[Job]:
    """And a second later: at 5 MiB/s all that was queued has drained by then."""
    return [*jobs, jobs[-1]]


def stalling(count: int) -> list[Job]:
    return [memory(iteration, 50, processed_mib=iteration) for iteration in range(1, count)]


@pytest.mark.parametrize("on_stall", OnStall)
def test_a_guest_that_stalls_to_the_top_of_the_ladder_ends_as_its_spec_says(on_stall: OnStall) -> None:
    rules = Rules(method=Method.LIVE, on_stall=on_stall, switch_over=SwitchOver.LADDER, max_downtime_ms=60)
    at = steered(rules, stalling(40))
    assert (at.turn.value, at.ladder.limit_ms) == (on_stall.value, 60)


def test_a_guest_that_is_slowed_down_further_has_not_come_to_the_end() -> None:
    rules = replace(LIVE, max_downtime_ms=20)
    throttled = [
        replace(job, throttle_percent=min(99, 10 * number // 2)) for number, job in enumerate(stalling(40), start=1)
    ]
    # From the twentieth pass on it is held back as much as can be.
    assert steered(rules, throttled[:23]).turn is Turn.GO_ON
    assert steered(rules, throttled).turn is Turn.ABORT


def test_a_switch_to_post_copy_that_does_not_come_about_is_given_up() -> None:
    """QEMU: "postcopy failed to start", where the copy at the destination has just died."""
    rules = Rules(method=Method.POST_COPY, on_stall=OnStall.POST_COPY, switch_over=SwitchOver.LADDER)
    told = stalling(40)
    assert steered(rules, told).turn is Turn.POST_COPY
    assert steered(rules, [*told, *[told[-1]] * 61]).turn is Turn.GIVE_UP
    follows = Job(phase=JobPhase.POST_COPY)
    assert steered(rules, [*told, *[follows] * 61]).turn is Turn.POST_COPY


def test_post_copy_switches_at_the_first_stall() -> None:
    rules = Rules(method=Method.POST_COPY, on_stall=OnStall.POST_COPY, switch_over=SwitchOver.LADDER)
    assert steered(rules, stalling(3)).turn is Turn.GO_ON
    assert steered(rules, drained(stalling(4))).turn is Turn.POST_COPY


def test_before_post_copy_over_a_slow_link_what_is_queued_drains() -> None:
    rules = Rules(method=Method.POST_COPY, on_stall=OnStall.POST_COPY, switch_over=SwitchOver.LADDER)
    decided = steered(rules, stalling(4))
    assert (decided.turn, decided.cap_mib_s) == (Turn.GO_ON, 1)
    # It goes slowly now, and what was queued until then was sent at the link's speed.
    slow = memory(3, 50, mib_s=1, processed_mib=3)
    assert steer(decided, slow, rules, 3.9).turn is Turn.GO_ON
    assert steer(decided, slow, rules, 4.0).turn is Turn.POST_COPY
    assert decided.full_bytes_s == 5 * MIB


@pytest.mark.parametrize(("mib_s", "waits_s"), [(1, 2.0), (10, 0.5), (50, 0.1), (51, None), (0, None)])
def test_a_fast_link_has_nothing_to_drain(mib_s: int, waits_s: float | None) -> None:
    rules = Rules(method=Method.POST_COPY, on_stall=OnStall.POST_COPY, switch_over=SwitchOver.LADDER)
    at = steered(rules, [replace(job, memory_bytes_s=mib_s * MIB) for job in stalling(4)])
    assert at.turn is (Turn.GO_ON if waits_s else Turn.POST_COPY)
    assert at.switch_at_s == (None if waits_s is None else pytest.approx(3.0 + waits_s))


def test_a_guest_that_converges_is_left_alone() -> None:
    jobs = [memory(iteration, 100 - 9 * iteration, processed_mib=iteration) for iteration in range(1, 11)]
    assert steered(LIVE, jobs).turn is Turn.GO_ON


def test_what_was_decided_is_decided_once() -> None:
    at = steered(LIVE, stalling(100))
    assert at.turn is Turn.ABORT
    assert steer(at, memory(101, 1), LIVE, 1000.0) == at


def test_a_migration_of_which_nothing_moves_is_given_up() -> None:
    still = memory(1, 50, processed_mib=7)
    assert steered(LIVE, [still] * 3, every_s=SILENT_S / 3).turn is Turn.GO_ON
    assert steered(LIVE, [still] * 4, every_s=SILENT_S / 3).turn is Turn.GIVE_UP


def test_a_guest_that_is_paused_for_nothing_runs_on_at_the_source() -> None:
    rules = Rules(method=Method.LIVE, on_stall=OnStall.PAUSE, switch_over=SwitchOver.LADDER, max_downtime_ms=20)
    jobs = stalling(10)
    assert steered(rules, [*jobs, *[jobs[-1]] * 3], every_s=1.0).turn is Turn.PAUSE
    assert steered(rules, [*jobs, *[jobs[-1]] * 3], every_s=SILENT_S / 2).turn is Turn.GIVE_UP


def test_disks_that_fill_are_a_sign_of_life() -> None:
    jobs = [Job(phase=JobPhase.DISKS, disk_processed_bytes=number) for number in range(100)]
    assert steered(LIVE, jobs, every_s=SILENT_S / 3).turn is Turn.GO_ON


def disks(sent_mib: int, remaining_mib: int) -> Job:
    return Job(
        phase=JobPhase.DISKS,
        disk_total_bytes=(sent_mib + remaining_mib) * MIB,
        disk_processed_bytes=sent_mib * MIB,
        disk_remaining_bytes=remaining_mib * MIB,
    )


class TestDisks:
    """Before any memory is sent; at 10 MiB/s, and a look every second."""

    @pytest.mark.parametrize("on_stall", OnStall)
    def test_written_as_fast_as_they_are_sent_are_given_up(self, on_stall: OnStall) -> None:
        rules = replace(LIVE, on_stall=on_stall)
        filling = [disks(10 * second, 500 - 10 * second) for second in range(10)]
        stuck = [disks(100 + 10 * second, 400) for second in range(200)]
        # The first pass takes 50 s, and leaves less; two of 400 MiB take 40 s each.
        assert steered(rules, [*filling, *stuck[:118]]).turn is Turn.GO_ON
        assert steered(rules, [*filling, *stuck[:125]]).turn is Turn.ABORT

    def test_are_given_up_also_where_new_writes_are_told_in_bursts(self) -> None:
        told = [disks(3 * second, 56 - 3 * second % 16) for second in range(200)]
        assert steered(LIVE, told).turn is Turn.ABORT

    def test_of_which_little_is_left_get_half_a_minute_for_each_pass(self) -> None:
        stuck = [disks(1000 + 10 * second, 1) for second in range(100)]
        assert steered(LIVE, stuck[:90]).turn is Turn.GO_ON
        assert steered(LIVE, stuck[:92]).turn is Turn.ABORT

    def test_that_get_less_slowly_are_waited_for(self) -> None:
        slowly = [disks(10 * second, 1000 - second) for second in range(990)]
        assert steered(LIVE, slowly).turn is Turn.GO_ON

    def test_of_a_guest_that_writes_a_lot_for_a_while_are_waited_for(self) -> None:
        burst = [disks(10 * second, 500 + 20 * second) for second in range(60)]
        quiet = [disks(600 + 10 * second, 1700 - 10 * second) for second in range(170)]
        assert steered(LIVE, [*burst, *quiet]).turn is Turn.GO_ON

    def test_that_are_begun_one_after_the_other_are_waited_for(self) -> None:
        both = [disks(10 * second, 9000 - 10 * second) for second in range(900)]
        assert steered(LIVE, [disks(0, 0), disks(0, 1), *both]).turn is Turn.GO_ON

    def test_are_not_judged_any_more_once_memory_moves(self) -> None:
        last = disks(1000, 400)
        assert steered(LIVE, [last, *[memory(1, 50, processed_mib=n) for n in range(300)]]).turn is Turn.GO_ON


class TestOneIteration:
    """A guest that must be stopped after one iteration."""

    def rules(self, on_stall: OnStall, *, promise_ms: int | None, dirty_mib_s: int | None) -> Rules:
        return Rules(
            method=Method.LIVE,
            on_stall=on_stall,
            switch_over=SwitchOver.ONE_ITERATION,
            max_downtime_ms=promise_ms,
            dirty=None if dirty_mib_s is None else DirtyRate(bytes_s=dirty_mib_s * MIB),
        )

    @pytest.mark.parametrize(
        ("promise_ms", "dirty_mib_s", "turn"),
        [
            (500, 5, Turn.ABORT),
            # One sampled page that changed stands for 2 MiB, and the guest may go on writing to the same pages.
            (500, 4, Turn.GO_ON),
            (500, 0, Turn.GO_ON),
            (500, None, Turn.GO_ON),
            (None, 9, Turn.GO_ON),
        ],
    )
    def test_is_given_up_where_the_promise_would_surely_be_broken(
        self, promise_ms: int | None, dirty_mib_s: int | None, turn: Turn
    ) -> None:
        rules = self.rules(OnStall.ABORT, promise_ms=promise_ms, dirty_mib_s=dirty_mib_s)
        assert steered(rules, [memory(1, 50)]).turn is turn

    def test_switches_to_post_copy_near_the_end(self) -> None:
        rules = self.rules(OnStall.POST_COPY, promise_ms=None, dirty_mib_s=None)
        assert steered(rules, [memory(1, 50)]).turn is Turn.GO_ON
        assert steered(rules, drained([memory(1, 50), memory(1, 9)])).turn is Turn.POST_COPY

    @pytest.mark.parametrize(
        ("method", "dirty_mib_s", "turn"),
        [
            (Method.LIVE, 0, Turn.GO_ON),
            (Method.LIVE, 50, Turn.POST_COPY),
            (Method.LIVE, None, Turn.POST_COPY),
            (Method.POST_COPY, 0, Turn.POST_COPY),
        ],
    )
    def test_live_becomes_post_copy_only_where_its_promise_needs_that(
        self, method: Method, dirty_mib_s: int | None, turn: Turn
    ) -> None:
        rules = self.rules(OnStall.POST_COPY, promise_ms=500, dirty_mib_s=dirty_mib_s)
        assert steered(replace(rules, method=method), drained([memory(1, 50), memory(1, 9)])).turn is turn


def test_what_a_guest_writes_during_one_iteration_is_sent_while_it_stands_still() -> None:
    assert expected_rest_ms(memory(1, 50), DirtyRate(bytes_s=2 * MIB), 10.0) == 8_000
    assert expected_rest_ms(memory(1, 50), DirtyRate(bytes_s=10**12), 10.0) == 20_000
    assert expected_rest_ms(memory(1, 50, mib_s=0), DirtyRate(bytes_s=MIB), 10.0) is None


ONCE = replace(LIVE, switch_over=SwitchOver.ONE_ITERATION)


def test_a_guest_that_is_stopped_after_one_iteration_goes_slower_in_its_last_moments() -> None:
    early, late = memory(1, 50, mib_s=100), memory(1, 10, mib_s=100, processed_mib=40)
    assert steered(ONCE, [early]).cap_mib_s is None
    assert steered(ONCE, [early, late]).cap_mib_s == 50
    # By the speed that it had: what it is slowed down to is not slowed down again.
    assert steered(ONCE, [early, late, memory(1, 7, mib_s=50, processed_mib=43)]).cap_mib_s == 50
    assert steered(ONCE, [early, late, memory(1, 4, mib_s=50, processed_mib=46)]).cap_mib_s == 30


def test_going_slower_breaks_no_promise() -> None:
    # 8 MiB are certain, 80 ms of sending: at full speed, which is what the guest's last pages are sent at.
    rules = replace(ONCE, max_downtime_ms=100, dirty=DirtyRate(bytes_s=10 * MIB))
    late, slower = memory(1, 10, mib_s=100), memory(1, 8, mib_s=40, processed_mib=2)
    assert steered(rules, [late, slower]).turn is Turn.GO_ON


@pytest.mark.parametrize("rules", [LIVE, replace(ONCE, method=Method.PAUSED), replace(ONCE, method=Method.POST_COPY)])
def test_no_other_migration_is_slowed_down(rules: Rules) -> None:
    assert steered(rules, [memory(1, 1, mib_s=100)]).cap_mib_s is None
    begun = course(rules, 0.0)
    assert look_in_s(begun, memory(1, 1, mib_s=100), rules) == look_in_s(begun, None, rules)


def test_its_last_moment_is_not_missed() -> None:
    begun = course(ONCE, 0.0)
    unknown, far, soon = memory(1, 50, mib_s=0), memory(1, 100, mib_s=100), memory(1, 26, mib_s=100)
    assert look_in_s(begun, far, ONCE) == look_in_s(begun, None, ONCE)
    assert look_in_s(begun, soon, ONCE) == pytest.approx(0.05)
    assert look_in_s(begun, unknown, ONCE) < look_in_s(begun, soon, ONCE)
    assert look_in_s(begun, memory(1, 1, mib_s=100), ONCE) == look_in_s(begun, unknown, ONCE)


def test_nobody_looks_at_it_while_it_is_about_to_be_stopped() -> None:
    begun, soon, late = course(ONCE, 0.0), memory(1, 10, mib_s=100), memory(1, 4, mib_s=50, processed_mib=46)
    assert look_in_s(steered(ONCE, [soon]), soon, ONCE) < look_in_s(begun, None, ONCE)
    assert look_in_s(steered(ONCE, [soon, late]), late, ONCE) == look_in_s(begun, None, ONCE)
