"""What the figures show."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from math import log10

import pytest
from generated_trail import measured, trail

from ferryman.downtime.values import Measurement, MeasurementStatus
from ferryman.records.audit.record import MigrationRecord, Verdict
from ferryman.report.building import report_of
from ferryman.report.figures.by_method import by_method, promises
from ferryman.report.figures.drawing import FLOOR_MS, JsonObject, milliseconds_axis, text
from ferryman.report.figures.over_time import MOST_POINTS, over_time
from ferryman.report.figures.predictions import predictions
from ferryman.report.model import Report
from ferryman.specs.choices import Method

ONE = replace(
    trail(1)[0],
    method=Method.LIVE,
    measurement=measured(100.0, bounds_ms=10.0),
    prediction_error_ms=30.0,
    verdict=Verdict.MET,
)


def report(*records: MigrationRecord) -> Report:
    return report_of(records, (), made_at=ONE.started_at)


def named(traces: list[JsonObject], name: str) -> JsonObject:
    return next(trace for trace in traces if trace["name"] == name)


def test_a_move_is_a_mark_between_its_bounds() -> None:
    trace = named(over_time(report(ONE)).traces, "live")
    assert (trace["x"], trace["y"]) == (["2026-11-01T08:00:00"], [100.0])
    assert (trace["error_y"]["array"], trace["error_y"]["arrayminus"]) == ([10.0], [10.0])
    assert "down 100 ms (90 to 110)" in trace["text"][0]


def test_no_downtime_at_all_is_drawn_at_the_floor_and_told_as_it_is() -> None:
    nothing = Measurement(
        status=MeasurementStatus.MEASURED, downtime_ms=0.0, downtime_lower_ms=0.0, downtime_upper_ms=21.0
    )
    trace = named(over_time(report(replace(ONE, measurement=nothing))).traces, "live")
    assert (trace["y"], trace["error_y"]["array"]) == ([FLOOR_MS], [20.0])
    assert "down 0 ms (0 to 21)" in trace["text"][0]


def test_what_was_not_measured_is_nowhere_and_what_did_not_come_back_is_an_arrow() -> None:
    silent = Measurement(status=MeasurementStatus.NOT_BACK, downtime_lower_ms=30_000.0)
    unknown = Measurement(status=MeasurementStatus.UNMEASURED, reason="no address")
    traces = over_time(report(replace(ONE, measurement=silent), replace(ONE, measurement=unknown))).traces
    assert [trace["name"] for trace in traces] == ["did not come back (at least)"]
    assert traces[0]["y"] == [30_000.0]


def test_a_missed_promise_is_circled() -> None:
    traces = over_time(report(ONE, replace(ONE, verdict=Verdict.MISSED, measurement=measured(700.0)))).traces
    assert named(traces, "promise missed")["y"] == [700.0]


def test_of_very_many_moves_medians_and_quartiles_are_drawn_and_missed_promises() -> None:
    records = [
        replace(ONE, started_at=ONE.started_at + timedelta(hours=number), measurement=measured(50.0 + number % 100))
        for number in range(MOST_POINTS)
    ]
    figure = over_time(report(*records, replace(ONE, verdict=Verdict.MISSED, measurement=measured(700.0))))
    assert [trace["name"] for trace in figure.traces] == ["live, median", "promise missed"]
    line, missed = figure.traces
    assert len(line["x"]) <= 62
    assert all(20 < above < 30 for above in line["error_y"]["array"][5:-5])
    assert (missed["y"], missed["text"][0].partition(",")[0]) == (
        [700.0],
        "guest-00: skopje to oslo<br>2026-11-01 08:00:00 UTC",
    )


def test_verdicts_are_counted_by_method() -> None:
    figure = promises(report(ONE, ONE, replace(ONE, verdict=Verdict.MISSED), replace(ONE, method=Method.COLD)))
    assert named(figure.traces, "met (3)")["x"] == [2, 1]
    assert named(figure.traces, "missed (1)")["x"] == [1, 0]


def test_each_method_has_a_box_and_few_moves_are_drawn_beside_it() -> None:
    few, many = by_method(report(*trail(40))), by_method(report(*[ONE] * 201))
    assert few.traces[0]["boxpoints"] == "all"
    assert many.traces[0]["boxpoints"] is False
    assert [trace["name"].split("<")[0] for trace in few.traces] == ["live", "post-copy", "paused", "cold"]


def test_a_prediction_lies_over_what_came_of_it() -> None:
    trace = named(predictions(report(ONE)).traces, "live")
    assert (trace["x"], trace["y"]) == ([70.0], [100.0])


def test_without_predictions_there_is_nothing_to_draw() -> None:
    assert predictions(report(replace(ONE, prediction_error_ms=None))).traces == []


@pytest.mark.parametrize("values", [[], [0.0], [72.0], [20.0, 80.0], [3.0, 90_000.0]])
def test_an_axis_has_room_around_what_is_drawn_and_a_tick_within(values: list[float]) -> None:
    axis = milliseconds_axis("ms", values)
    low, high = axis["range"]
    assert all(low < log10(max(value, FLOOR_MS)) < high for value in values)
    assert any(low <= log10(tick) <= high for tick in axis["tickvals"])


def test_labels_are_only_text() -> None:
    assert text('<a href="x">&') == '&lt;a href="x"&gt;&amp;'
