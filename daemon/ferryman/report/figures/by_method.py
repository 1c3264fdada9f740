"""Downtimes side by side by method, and how the promises went. Pure."""

from __future__ import annotations

from ferryman.records.audit.record import Verdict
from ferryman.report.figures.drawing import (
    METHOD_LOOKS,
    VERDICT_LOOKS,
    Figure,
    JsonObject,
    drawn_ms,
    label,
    milliseconds_axis,
)
from ferryman.report.model import Report
from ferryman.report.reading import counted_ms, method_of
from ferryman.specs.choices import Method

_EACH_SHOWN = 200
"""Of a method with at most so many measured moves each is drawn beside its box."""

_FEW = 8

_VERDICT_NAMES = {
    Verdict.MET: "met",
    Verdict.MISSED: "missed",
    Verdict.UNKNOWN: "cannot be told",
    Verdict.NONE: "nothing was promised",
}


def by_method(report: Report) -> Figure:
    """A box per method: median, quartiles, mean."""
    downtimes = [counted_ms(move) or 0.0 for move in report.moves if counted_ms(move) is not None]
    return Figure(
        id="by-method",
        title="Downtime by method",
        caption="The line in a box is the median, the dashed one the mean; half of the moves lie within the box. "
        "Moves that failed or were interrupted are in none.",
        traces=[_box(report, method) for method, one in report.methods.items() if one.statistics.measured],
        layout={"yaxis": milliseconds_axis("downtime, ms", downtimes), "showlegend": False},
    )


def promises(report: Report) -> Figure:
    """Verdicts per method, as bars."""
    most = max((one.moves for one in report.methods.values()), default=0)
    return Figure(
        id="promises",
        title="Promises kept",
        caption="Moves by what became of max_downtime_ms: missed or met only where both bounds lie on one side of it.",
        traces=[_bars(report, verdict) for verdict in Verdict if report.whole.verdicts[verdict]],
        layout={
            "barmode": "stack",
            # By itself plotly.js would divide a single move.
            "xaxis": {"title": {"text": "moves"}, "tickformat": ",d", "dtick": 1 if most <= _FEW else None},
            "showlegend": True,
            "yaxis": {"autorange": "reversed", "type": "category"},
            "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "traceorder": "normal"},
        },
        height_px=180 + 45 * len(report.methods),
    )


def _box(report: Report, method: Method) -> JsonObject:
    moves = [move for move in report.moves if method_of(move) is method and counted_ms(move) is not None]
    look = METHOD_LOOKS[method]
    return {
        "type": "box",
        "name": f"{method.value}<br>{len(moves):,}",
        "y": [drawn_ms(counted_ms(move) or 0.0) for move in moves],
        "boxmean": True,
        "boxpoints": "all" if len(moves) <= _EACH_SHOWN else False,
        "jitter": 0.4,
        "pointpos": 0 if len(moves) == 1 else -1.6,
        "marker": {"color": look.colour, "symbol": look.symbol, "size": 6},
        "line": {"color": look.colour},
        "text": [label(move) for move in moves] if len(moves) <= _EACH_SHOWN else [],
        "customdata": [move.id for move in moves] if len(moves) <= _EACH_SHOWN else [],
        "hovertemplate": "%{text}<extra></extra>" if len(moves) <= _EACH_SHOWN else None,
    }


def _bars(report: Report, verdict: Verdict) -> JsonObject:
    look = VERDICT_LOOKS[verdict]
    return {
        "type": "bar",
        "orientation": "h",
        "name": f"{_VERDICT_NAMES[verdict]} ({report.whole.verdicts[verdict]:,})",
        "y": [method.value for method in report.methods],
        "x": [one.verdicts[verdict] for one in report.methods.values()],
        "marker": {
            "color": look.colour,
            "pattern": {"shape": look.pattern, "fillmode": "overlay", "fgcolor": "#ffffff"},
        },
        "hovertemplate": "%{y}: %{x:,} " + _VERDICT_NAMES[verdict] + "<extra></extra>",
    }
