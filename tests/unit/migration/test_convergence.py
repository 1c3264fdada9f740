"""The ladder of downtime limits."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ferryman.fleet.migrating import Job, JobPhase
from ferryman.migration.live.convergence import (
    START_MS,
    Ladder,
    climb,
    ladder,
    one_iteration,
)


def memory(iteration: int, remaining_bytes: int) -> Job:
    return Job(phase=JobPhase.MEMORY, memory_iteration=iteration, memory_remaining_bytes=remaining_bytes)


def climbed(at: Ladder, *remaining_bytes: int) -> Ladder:
    for iteration, remaining in enumerate(remaining_bytes, at.iteration + 1):
        at = climb(at, memory(iteration, remaining))
    return at


def test_starts_far_below_the_hypervisors_own_limit() -> None:
    assert ladder(None).limit_ms == START_MS < 300


def test_stays_while_every_iteration_gets_further() -> None:
    assert climbed(ladder(None), 1000, 800, 600, 400, 200).limit_ms == START_MS


def test_climbs_a_step_after_two_iterations_that_got_no_further_than_the_best() -> None:
    once = climbed(ladder(None), 1000, 990)
    assert once.limit_ms == START_MS
    assert climb(once, memory(3, 1000)).limit_ms == 50


def test_oscillation_below_the_best_is_progress() -> None:
    assert climbed(ladder(None), 1000, 1200, 800, 900, 600, 700, 500).limit_ms == START_MS


def test_looking_twice_at_one_iteration_counts_once() -> None:
    at = climbed(ladder(None), 1000, 1000)
    assert climb(climb(at, memory(2, 1000)), memory(2, 1000)) == at


def test_disks_that_fill_say_nothing_about_memory() -> None:
    at = ladder(None)
    assert climb(at, Job(phase=JobPhase.DISKS, memory_iteration=7)) == at


def test_ends_at_the_promise_and_stays_there() -> None:
    assert climbed(ladder(120), *[1000] * 40).limit_ms == 120
    assert ladder(5).limit_ms == 5


@given(
    promise_ms=st.none() | st.integers(1, 86_400_000),
    looks=st.lists(st.tuples(st.integers(0, 50), st.integers(0, 10**12), st.sampled_from(JobPhase)), max_size=60),
)
def test_never_above_the_promise_and_never_back(promise_ms: int | None, looks: list[tuple[int, int, JobPhase]]) -> None:
    at = ladder(promise_ms)
    for iteration, remaining, phase in looks:
        job = Job(phase=phase, memory_iteration=iteration, memory_remaining_bytes=remaining)
        after = climb(at, job)
        assert after.limit_ms >= at.limit_ms
        assert promise_ms is None or after.limit_ms <= promise_ms
        at = after


def test_a_guest_that_is_to_be_stopped_after_one_iteration_climbs_nowhere() -> None:
    assert climbed(one_iteration(), *[1000] * 40).limit_ms == one_iteration().limit_ms == 0
