"""Downtimes as they came, one interval per move, with a line of medians per method. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from ferryman.downtime.values import MeasurementStatus
from ferryman.records.values import MigrationRecord, Verdict
from ferryman.report.figures.drawing import (
    ALARM,
    METHOD_LOOKS,
    Figure,
    JsonObject,
    bounds_ms,
    drawn_ms,
    error_bars,
    label,
    milliseconds_axis,
    moment,
)
from ferryman.report.model import MedianPoint, Report
from ferryman.report.reading import downtime_ms, method_of
from ferryman.specs.models import Method

MOST_POINTS = 1500
"""So many intervals are drawn singly, the newest: more are a blot, and take a browser seconds."""

_LEAST_ROOM = timedelta(minutes=1)


def over_time(report: Report) -> Figure:
    """Every downtime with its bounds, by when its move began. For a report of at least one move."""
    newest = [move for move in report.moves if downtime_ms(move) is not None][:MOST_POINTS]
    silent = [move for move in report.moves if move.measurement.status is MeasurementStatus.NOT_BACK][:MOST_POINTS]
    groups = {method: [move for move in newest if method_of(move) is method] for method in report.methods}
    traces = [_moves(method, group) for method, group in groups.items() if group]
    traces += [_medians(method, line) for method, line in report.medians.items()]
    traces += _missed(newest) + _not_back(silent)
    hidden = report.whole.statistics.measured - len(newest)
    return Figure(
        id="over-time",
        title="Downtime over time",
        caption=_caption(hidden),
        traces=traces,
        layout={
            "xaxis": _time_axis(report),
            "yaxis": milliseconds_axis("downtime, ms", bounds_ms([*newest, *silent])),
            "showlegend": True,
            "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        },
        height_px=440,
    )


def _caption(hidden: int) -> str:
    older = f" The {hidden:,} oldest are in the medians only." if hidden > 0 else ""
    return (
        "Each mark is a move, each bar the bounds within which its downtime truly lies; the lines are medians. "
        f"A circle around a mark: the promise was missed.{older}"
    )


def _time_axis(report: Report) -> JsonObject:
    """Over all moves, with some room: one alone would have an axis of a ms."""
    last, first = report.moves[0].started_at, report.moves[-1].started_at
    room = max((last - first) / 40, _LEAST_ROOM)
    return {"type": "date", "title": {"text": "move began (UTC)"}, "range": [moment(first - room), moment(last + room)]}


def _moves(method: Method, moves: Sequence[MigrationRecord]) -> JsonObject:
    look = METHOD_LOOKS[method]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": method.value,
        "x": [moment(move.started_at) for move in moves],
        "y": [drawn_ms(downtime_ms(move) or 0.0) for move in moves],
        "error_y": error_bars(moves),
        "marker": {"color": look.colour, "symbol": look.symbol, "size": 8},
        "text": [label(move) for move in moves],
        "customdata": [move.id for move in moves],
        "hovertemplate": "%{text}<extra></extra>",
    }


def _medians(method: Method, line: Sequence[MedianPoint]) -> JsonObject:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": f"{method.value}, median",
        "x": [moment(point.at) for point in line],
        "y": [drawn_ms(point.median_ms) for point in line],
        "line": {"color": METHOD_LOOKS[method].colour, "width": 2, "dash": "dot", "shape": "hvh"},
        "text": [f"median of {point.moves:,} moves: {point.median_ms:,.0f} ms" for point in line],
        "hovertemplate": "%{text}<extra></extra>",
    }


def _missed(moves: Sequence[MigrationRecord]) -> list[JsonObject]:
    missed = [move for move in moves if move.verdict is Verdict.MISSED]
    if not missed:
        return []
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "name": "promise missed",
            "x": [moment(move.started_at) for move in missed],
            "y": [drawn_ms(downtime_ms(move) or 0.0) for move in missed],
            "marker": {"color": ALARM, "symbol": "circle-open", "size": 16, "line": {"width": 2}},
            "hoverinfo": "skip",
        }
    ]


def _not_back(silent: Sequence[MigrationRecord]) -> list[JsonObject]:
    if not silent:
        return []
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "name": "did not come back (at least)",
            "x": [moment(move.started_at) for move in silent],
            "y": [drawn_ms(move.measurement.downtime_lower_ms or 0.0) for move in silent],
            "marker": {"color": ALARM, "symbol": "arrow-up", "size": 12},
            "text": [label(move) for move in silent],
            "customdata": [move.id for move in silent],
            "hovertemplate": "%{text}<extra></extra>",
        }
    ]
