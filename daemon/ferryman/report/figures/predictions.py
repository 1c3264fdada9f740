"""Predicted against measured downtimes. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from ferryman.records.audit.head import RecordHead
from ferryman.report.figures.drawing import (
    GREY,
    METHOD_LOOKS,
    Figure,
    JsonObject,
    bounds_ms,
    drawn_ms,
    error_bars,
    label,
    milliseconds_axis,
)
from ferryman.report.figures.over_time import MOST_POINTS
from ferryman.report.model import Report
from ferryman.report.reading import downtime_ms, foretold_ms, method_of
from ferryman.specs.choices import Method


def predictions(report: Report) -> Figure:
    """Each move by what was foretold and what came of it."""
    known = (move for move in report.moves if downtime_ms(move) is not None and foretold_ms(move) is not None)
    foretold = list(islice(known, MOST_POINTS))
    groups = {method: [move for move in foretold if method_of(move) is method] for method in report.methods}
    # Alike on both axes: the diagonal is one.
    shown_ms = [*bounds_ms(foretold), *(foretold_ms(move) or 0.0 for move in foretold)]
    traces = [_diagonal(shown_ms)] if foretold else []
    traces += [_moves(method, group) for method, group in groups.items() if group]
    return Figure(
        id="predictions",
        title="Prediction against measurement",
        caption="On the line the prediction was right; above it the VM was down for longer than foretold.",
        traces=traces,
        layout={
            "xaxis": milliseconds_axis("predicted, ms", shown_ms),
            "yaxis": milliseconds_axis("measured, ms", shown_ms),
            "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        },
        height_px=420,
    )


def _diagonal(shown_ms: Sequence[float]) -> JsonObject:
    ends = [drawn_ms(min(shown_ms)), drawn_ms(max(shown_ms))]
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "as foretold",
        "x": ends,
        "y": ends,
        "line": {"color": GREY, "dash": "dash", "width": 1.5},
        "hoverinfo": "skip",
    }


def _moves(method: Method, moves: Sequence[RecordHead]) -> JsonObject:
    look = METHOD_LOOKS[method]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": method.value,
        "x": [drawn_ms(foretold_ms(move) or 0.0) for move in moves],
        "y": [drawn_ms(downtime_ms(move) or 0.0) for move in moves],
        "error_y": error_bars(moves),
        "marker": {"color": look.colour, "symbol": look.symbol, "size": 8},
        "text": [f"{label(move)}<br>predicted {foretold_ms(move) or 0.0:,.0f} ms" for move in moves],
        "customdata": [move.id for move in moves],
        "hovertemplate": "%{text}<extra></extra>",
    }
