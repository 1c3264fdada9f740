"""Which move comes next, wherever a run was broken off and wherever the VM is."""

from __future__ import annotations

from runs import A, B, moved, run

from ferryman.benching.schedule import MOST_FAILURES, has_failed_too_often, homeward, legs, next_leg, succeeded
from ferryman.benching.values import BenchRun, Leg
from ferryman.records.audit.record import Outcome
from ferryman.specs.choices import Method


def carried_out(begun: BenchRun, at: str = A) -> tuple[BenchRun, list[Leg]]:
    """The run to its end, every move a success; and the legs that were made."""
    made = []
    while (leg := next_leg(begun, at)) is not None:
        begun, at = moved(begun, leg), leg.destination
        made.append(leg)
    assert at == A
    return begun, made


def test_there_and_back_as_often_as_was_asked() -> None:
    _, made = carried_out(run(iterations=3))
    assert [(leg.iteration, leg.source, leg.destination) for leg in made] == [
        (number, *way) for number in (1, 2, 3) for way in ((A, B), (B, A))
    ]


def test_methods_take_turns() -> None:
    _, made = carried_out(run(Method.LIVE, Method.COLD))
    assert [leg.method for leg in made] == [Method.LIVE, Method.LIVE, Method.COLD, Method.COLD] * 2


def test_a_move_that_failed_is_wanted_again() -> None:
    begun = run()
    first = next_leg(begun, A)
    assert first is not None
    failed = moved(begun, first, outcome=Outcome.FAILED)
    assert next_leg(failed, A) == first


def test_a_vm_that_is_elsewhere_is_first_brought_to_where_the_next_move_begins() -> None:
    begun = run()
    leg = next_leg(begun, "oslo")
    assert leg == Leg(iteration=1, method=Method.LIVE, source="oslo", destination=A, counted=False)
    done, made = carried_out(moved(begun, leg))
    assert len(made) == 4
    assert len(succeeded(done)) == 4


def test_a_run_that_is_done_ends_at_home_whoever_moved_the_vm() -> None:
    done, _ = carried_out(run())
    assert next_leg(done, A) is None
    assert next_leg(done, B) == homeward(done, B)


def test_a_run_that_is_ended_early_goes_home() -> None:
    begun = run(Method.COLD)
    there = legs(begun)[0]
    assert homeward(begun, A) is None
    leg = homeward(moved(begun, there), B)
    assert leg is not None
    assert leg == legs(begun)[1]


def test_a_vm_that_is_brought_home_from_elsewhere_does_not_count() -> None:
    leg = homeward(run(Method.COLD), "oslo")
    assert leg is not None
    assert (leg.method, leg.source, leg.destination, leg.counted) == (Method.COLD, "oslo", A, False)


def test_three_failures_in_a_row_are_enough() -> None:
    begun = run()
    leg = legs(begun)[0]
    for _ in range(MOST_FAILURES):
        assert not has_failed_too_often(begun)
        begun = moved(begun, leg, outcome=Outcome.FAILED)
    assert has_failed_too_often(begun)
    assert not has_failed_too_often(moved(begun, leg))
