"""What the moves of a run come to: by method and direction, and two methods side by side."""

from __future__ import annotations

from dataclasses import replace

import pytest
from runs import A, B, moved, run

from ferryman.benching.schedule import legs
from ferryman.benching.summing import comparisons, summaries
from ferryman.benching.values import BenchRun
from ferryman.records.audit.record import Outcome
from ferryman.specs.choices import Method


def measured(begun: BenchRun, *downtimes_ms: float | None) -> BenchRun:
    """Its first moves, with these downtimes."""
    for leg, downtime_ms in zip(legs(begun), downtimes_ms, strict=False):
        begun = moved(begun, leg, downtime_ms)
    return begun


def test_directions_are_told_apart_and_together() -> None:
    there, back, both = summaries(measured(run(), 100.0, 10.0, 300.0, 30.0))
    assert (there.direction, back.direction, both.direction) == (f"{A} -> {B}", f"{B} -> {A}", "both ways")
    assert [one.downtime_ms.median for one in (there, back, both) if one.downtime_ms] == [200.0, 20.0, 65.0]


def test_what_has_no_figure_is_in_none() -> None:
    there, _, both = summaries(measured(run(), None, 10.0, 300.0, 30.0))
    assert (there.moves, there.without_figure) == (2, 1)
    assert there.downtime_ms is not None
    assert there.downtime_ms.mean == 300.0
    assert both.without_figure == 1


def test_failed_and_uncounted_moves_are_in_none() -> None:
    begun = run(iterations=1)
    there, back = legs(begun)
    failed = moved(begun, there, 5000.0, Outcome.FAILED)
    done = moved(moved(moved(failed, replace(there, counted=False), 7000.0), there, 100.0), back, 100.0)
    assert summaries(done)[-1].moves == 2


def test_two_methods_are_compared() -> None:
    begun = run(Method.LIVE, Method.COLD, iterations=3)
    (found,) = comparisons(measured(begun, *(100.0, 110.0, 900.0, 910.0) * 3))
    assert found.interval_ms is not None
    assert (found.method, found.other) == (Method.LIVE, Method.COLD)
    assert found.median_difference_ms == -800.0
    assert found.interval_ms.high < 0
    assert found.ratio == pytest.approx(105 / 905)


def test_one_method_has_nothing_to_be_compared_with() -> None:
    assert comparisons(measured(run(), 100.0, 110.0)) == ()


def test_four_moves_each_name_no_method_as_the_shorter_one() -> None:
    (found,) = comparisons(measured(run(Method.LIVE, Method.COLD), *(100.0, 110.0, 900.0, 910.0) * 2))
    assert found.interval_ms is None


def test_of_a_single_move_there_is_no_interval() -> None:
    there, *_ = summaries(measured(run(iterations=1), 100.0, 110.0))
    assert there.downtime_ms is not None
    assert there.downtime_ms.median_interval is None


def test_a_move_that_was_taken_up_again_has_no_figure() -> None:
    begun = measured(run(), 100.0, 110.0, 9000.0, 110.0)
    taken_up = replace(begun, moves=(*begun.moves[:2], replace(begun.moves[2], recovered=True), begun.moves[3]))
    there, *_ = summaries(taken_up)
    assert (there.moves, there.without_figure) == (2, 1)
    assert there.downtime_ms is not None
    assert there.downtime_ms.highest == 100.0
