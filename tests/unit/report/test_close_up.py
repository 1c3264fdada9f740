"""Where on a move's time axis the service was away."""

from __future__ import annotations

from dataclasses import replace

from generated_trail import measured, trail

from ferryman.downtime.values import ProbeFate
from ferryman.records.audit.samples import KeptSample
from ferryman.records.audit.timeline import Mark, TimelineEntry
from ferryman.report.close_up import close_up
from ferryman.report.figures.timeline import timeline
from ferryman.report.model import OutageBand

RECORD = replace(trail(1)[0], measurement=measured(40.0))


def answered(at_ms: float, took_ms: float = 1.0) -> KeptSample:
    return KeptSample(sent_ms=at_ms, outcome=ProbeFate.ANSWERED, round_trip_ms=took_ms)


def lost(at_ms: float) -> KeptSample:
    return KeptSample(sent_ms=at_ms, outcome=ProbeFate.LOST, round_trip_ms=None)


def test_an_outage_lies_between_the_answers_around_it() -> None:
    one = close_up(RECORD, [answered(0), answered(10), lost(20), lost(30), answered(40, took_ms=3), answered(50)])
    assert one.outages == (OutageBand(last_answered_ms=10, first_lost_ms=20, last_lost_ms=30, up_by_ms=43),)


def test_a_probe_that_waited_the_outage_out_tells_when_it_ended() -> None:
    one = close_up(RECORD, [answered(0), answered(10, took_ms=95), answered(20, took_ms=86), answered(110)])
    assert one.outages == (OutageBand(last_answered_ms=0, first_lost_ms=10, last_lost_ms=20, up_by_ms=105),)


def test_one_late_answer_is_jitter() -> None:
    assert close_up(RECORD, [answered(0), answered(10, took_ms=95), answered(20)]).outages == ()


def test_a_service_that_did_not_come_back_has_no_end() -> None:
    bands = close_up(RECORD, [answered(0), lost(10), lost(20)]).outages
    assert bands == (OutageBand(last_answered_ms=0, first_lost_ms=10, last_lost_ms=20, up_by_ms=None),)


def test_without_kept_probes_the_records_timeline_says_where_the_outage_was() -> None:
    marks = (Mark.LAST_ANSWERED, Mark.FIRST_LOST, Mark.LAST_LOST, Mark.ANSWERED)
    told = tuple(TimelineEntry(at_ms=10.0 * number, mark=mark) for number, mark in enumerate(marks))
    bands = close_up(replace(RECORD, timeline=told), ()).outages
    assert bands == (OutageBand(last_answered_ms=0, first_lost_ms=10, last_lost_ms=20, up_by_ms=30),)


def test_what_hosts_told_of_the_guest_has_a_row_for_each_host() -> None:
    told = (
        TimelineEntry(at_ms=5.0, mark=Mark.PHASE, detail="migrating"),
        TimelineEntry(at_ms=10.0, mark=Mark.SUSPENDED, host="tallinn", detail="migrated"),
        TimelineEntry(at_ms=40.0, mark=Mark.RESUMED, host="<b>skopje</b>"),
    )
    traces = timeline(close_up(replace(RECORD, timeline=told), ())).traces
    assert [(trace["name"], trace["x"], trace["y"]) for trace in traces[1:]] == [
        ("resumed", [40.0], ["guest on &lt;b&gt;skopje&lt;/b&gt;"]),
        ("suspended", [10.0], ["guest on tallinn"]),
    ]


def test_where_the_measurement_saw_no_outage_none_is_drawn() -> None:
    clean = replace(RECORD, measurement=replace(RECORD.measurement, outages=0))
    assert close_up(clean, [answered(0), lost(10), answered(20)]).outages == ()


def test_the_timeline_draws_phases_every_kind_of_probe_and_both_bounds() -> None:
    one = close_up(RECORD, [answered(0), answered(5, took_ms=60), lost(10), answered(20)])
    figure = timeline(one)
    assert [trace["name"] for trace in figure.traces] == ["phases", "answered", "answered late", "lost"]
    assert figure.traces[0]["y"] == ["preparing", "migrating"]
    assert [(shade["x0"], shade["x1"]) for shade in figure.layout["shapes"]] == [(0, 21), (5, 10)]


def test_without_kept_probes_there_are_the_phases() -> None:
    figure = timeline(close_up(RECORD, ()))
    assert [trace["name"] for trace in figure.traces] == ["phases"]
    assert "were not kept" in figure.caption
