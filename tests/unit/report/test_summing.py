"""Moves summed up: what was not measured is counted, and in no figure."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from generated_trail import BEGAN, measured, trail

from ferryman.downtime.values import Measurement, MeasurementStatus
from ferryman.records.audit.record import MigrationRecord, Outcome, Verdict
from ferryman.report.selecting import LONGEST_IN_FULL, NEWEST_IN_FULL, in_full
from ferryman.report.summing import by_method, by_vm, medians, summary
from ferryman.specs.choices import Method

UNMEASURED = Measurement(status=MeasurementStatus.UNMEASURED, reason="no address")
NOT_BACK = Measurement(status=MeasurementStatus.NOT_BACK, downtime_lower_ms=900.0)


def record(number: int = 0, **changes: object) -> MigrationRecord:
    """A live move of guest-01 that took 100 ms, so many hours after the first."""
    began = BEGAN + timedelta(hours=number)
    plain: dict[str, object] = {
        "id": f"{number:04}",
        "vm": "guest-01",
        "method": Method.LIVE,
        "started_at": began,
        "outcome": Outcome.SUCCEEDED,
        "verdict": Verdict.MET,
        "measurement": measured(100.0),
    }
    return replace(trail(1)[0], **(plain | changes))


def test_a_summary_counts_everything_and_measures_what_was_measured() -> None:
    records = [
        record(0),
        record(1, measurement=measured(300.0), verdict=Verdict.MISSED),
        record(2, measurement=UNMEASURED, verdict=Verdict.UNKNOWN),
        record(3, measurement=NOT_BACK, verdict=Verdict.MISSED, outcome=Outcome.HELD),
    ]
    one = summary(records)
    assert (one.moves, one.succeeded) == (4, 3)
    assert one.statistics.median_ms == 200.0
    assert (one.statistics.unmeasured, one.statistics.not_back) == (1, 1)
    assert one.verdicts == {Verdict.MET: 1, Verdict.MISSED: 2, Verdict.UNKNOWN: 1, Verdict.NONE: 0}


def test_a_live_move_that_was_switched_to_post_copy_counts_as_one_of_post_copy() -> None:
    moves = [record(0), record(1, post_copy=True), record(2, method=Method.COLD)]
    assert {method: one.moves for method, one in by_method(moves).items()} == {
        Method.LIVE: 1,
        Method.POST_COPY: 1,
        Method.COLD: 1,
    }


def test_vms_are_told_by_name_and_method() -> None:
    moves = [record(0, vm="web"), record(1, method=Method.COLD), record(2)]
    assert [(one.vm, one.method, one.summary.moves) for one in by_vm(moves)] == [
        ("guest-01", Method.LIVE, 1),
        ("guest-01", Method.COLD, 1),
        ("web", Method.LIVE, 1),
    ]


def test_medians_are_of_stretches_with_some_moves_each() -> None:
    # One an hour from 8 on, in stretches of six hours.
    downtimes = [10.0] * 6 + [90.0] * 6
    line = medians([record(number, measurement=measured(ms)) for number, ms in enumerate(downtimes)])
    assert [(point.median_ms, point.moves) for point in line[Method.LIVE]] == [(10.0, 4), (90.0, 6), (90.0, 2)]


@pytest.mark.parametrize("records", [[], [record(0, measurement=UNMEASURED)]])
def test_of_nothing_there_is_no_line(records: list[MigrationRecord]) -> None:
    assert medians(records) == {}


def test_a_single_move_and_very_many_at_once_have_a_point() -> None:
    at_once = [record(0, measurement=measured(80.0)) for _ in range(1600)]
    few = record(0, method=Method.COLD, measurement=measured(9000.0))
    found = medians([*at_once, few])
    assert [(method, point.moves) for method, line in found.items() for point in line] == [
        (Method.LIVE, 1600),
        (Method.COLD, 1),
    ]


@pytest.mark.parametrize("changes", [{"outcome": Outcome.FAILED}, {"outcome": Outcome.CANCELLED}, {"recovered": True}])
def test_a_move_that_failed_or_was_interrupted_is_in_no_figure_of_downtime(changes: dict[str, object]) -> None:
    moves = [record(0, measurement=measured(100.0)), record(1, measurement=measured(9000.0), **changes)]
    assert summary(moves).moves == 2
    assert summary(moves).statistics.highest_ms == by_vm(moves)[0].summary.statistics.highest_ms == 100.0
    assert [point.moves for point in medians(moves)[Method.LIVE]] == [1]


def test_a_year_of_moves_makes_a_line_that_can_be_read() -> None:
    line = medians(trail(600, every_h=14))[Method.LIVE]
    assert 40 <= len(line) <= 62
    assert sum(point.moves for point in line) > 300


def test_the_newest_and_the_longest_are_told_in_full() -> None:
    records = [record(number, measurement=measured(1000.0 - number)) for number in range(60)]
    chosen = [one.id for one in in_full(records[::-1])]
    assert len(chosen) == NEWEST_IN_FULL + LONGEST_IN_FULL
    assert chosen[0] == "0059"
    assert set(chosen[-LONGEST_IN_FULL:]) == {"0000", "0001", "0002", "0003", "0004"}
