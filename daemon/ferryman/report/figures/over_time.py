"""Downtimes as they came, one interval per move, with a line of medians per method. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from ferryman.downtime.values import MeasurementStatus
from ferryman.records.audit.head import RecordHead, Verdict
from ferryman.report.figures.drawing import (
    ALARM,
    METHOD_LOOKS,
    Figure,
    JsonObject,
    bars,
    bounds_ms,
    drawn_ms,
    error_bars,
    label,
    milliseconds_axis,
    moment,
)
from ferryman.report.model import MedianPoint, Report
from ferryman.report.reading import downtime_ms, method_of
from ferryman.specs.choices import Method

MOST_POINTS = 1500
"""So many intervals are drawn singly: more are a blot, and take a browser seconds."""
_LEAST_ROOM = timedelta(minutes=1)


def over_time(report: Report) -> Figure:
    """Every downtime with its bounds, by when its move began; of very many, medians and quartiles.

    For a report of at least one move.
    """
    measured = [move for move in report.moves if downtime_ms(move) is not None]
    silent = [move for move in report.moves if move.measurement.status is MeasurementStatus.NOT_BACK][:MOST_POINTS]
    singly = len(measured) <= MOST_POINTS
    traces = _singly(report, measured) if singly else _summed_up(report)
    return Figure(
        id="over-time",
        title="Downtime over time",
        caption=_SINGLY if singly else _SUMMED_UP,
        traces=[*traces, *_missed(measured, circled=singly), *_not_back(silent)],
        layout={
            "xaxis": _time_axis(report),
            "yaxis": milliseconds_axis("downtime, ms", bounds_ms([*measured, *silent])),
            "showlegend": True,
            "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        },
        height_px=440,
    )


_SINGLY = (
    "Each mark is a move, each bar the bounds within which its downtime truly lies; the lines are medians. "
    "A circle around a mark: the promise was missed."
)
_SUMMED_UP = (
    "Each mark is the median of the moves that began around that time, half of them lie within its bar. "
    "A red circle: a move that missed its promise, of these the newest."
)


def _singly(report: Report, measured: Sequence[RecordHead]) -> list[JsonObject]:
    groups = {method: [move for move in measured if method_of(move) is method] for method in report.methods}
    marks = [_moves(method, group) for method, group in groups.items() if group]
    return marks + [_medians(method, line) for method, line in report.medians.items() if len(line) > 1]


def _summed_up(report: Report) -> list[JsonObject]:
    return [_quartiles(method, line) for method, line in report.medians.items()]


def _time_axis(report: Report) -> JsonObject:
    """Over all moves, with some room: one alone would have an axis of a ms."""
    last, first = report.moves[0].started_at, report.moves[-1].started_at
    room = max((last - first) / 40, _LEAST_ROOM)
    return {"type": "date", "title": {"text": "move began (UTC)"}, "range": [moment(first - room), moment(last + room)]}


def _moves(method: Method, moves: Sequence[RecordHead]) -> JsonObject:
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


def _quartiles(method: Method, line: Sequence[MedianPoint]) -> JsonObject:
    look = METHOD_LOOKS[method]
    return {
        **_medians(method, line),
        "mode": "lines+markers",
        "line": {"color": look.colour, "width": 1, "dash": "dot"},
        "marker": {"color": look.colour, "symbol": look.symbol, "size": 8},
        "error_y": bars(
            [
                (drawn_ms(one.lower_quartile_ms), drawn_ms(one.median_ms), drawn_ms(one.upper_quartile_ms))
                for one in line
            ]
        ),
        "text": [
            f"{method.value}, {point.moves:,} moves: median {point.median_ms:,.0f} ms, "
            f"half of them {point.lower_quartile_ms:,.0f} to {point.upper_quartile_ms:,.0f}"
            for point in line
        ],
    }


def _missed(measured: Sequence[RecordHead], *, circled: bool) -> list[JsonObject]:
    """Circles around marks that say themselves what they are, or marks of their own."""
    missed = [move for move in measured if move.verdict is Verdict.MISSED][:MOST_POINTS]
    if not missed:
        return []
    telling: JsonObject = {
        "text": [label(move) for move in missed],
        "customdata": [move.id for move in missed],
        "hovertemplate": "%{text}<extra></extra>",
    }
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "name": "promise missed",
            "x": [moment(move.started_at) for move in missed],
            "y": [drawn_ms(downtime_ms(move) or 0.0) for move in missed],
            "marker": {
                "color": ALARM,
                "symbol": "circle-open",
                "size": 16 if circled else 9,
                "line": {"width": 2 if circled else 1},
            },
            **({"hoverinfo": "skip"} if circled else telling),
        }
    ]


def _not_back(silent: Sequence[RecordHead]) -> list[JsonObject]:
    if not silent:
        return []
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "name": "did not come back (at least)",
            "x": [moment(move.started_at) for move in silent],
            "y": [drawn_ms(move.measurement.downtime_lower_ms or 0.0) for move in silent],
            "marker": {"color": ALARM, "symbol": "arrow-up", "size": 10},
            "text": [label(move) for move in silent],
            "customdata": [move.id for move in silent],
            "hovertemplate": "%{text}<extra></extra>",
        }
    ]
