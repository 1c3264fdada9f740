"""What all figures share: their shape, one look per method and verdict, and text that is only text.

Keys of traces and layouts: the plotly.js reference (Figure Reference). Colours of text and grid are the page's, which
knows whether it is dark.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from math import ceil, floor, log10, sqrt
from typing import Any

from ferryman.records.audit.head import RecordHead, Verdict
from ferryman.report.reading import downtime_ms, method_of
from ferryman.specs.choices import Method

JsonObject = dict[str, Any]

FLOOR_MS = 1.0
"""On a logarithmic axis, which has no 0, what is below is drawn here; the hover text tells the figure itself."""


_AROUND = 1.3
"""Free space around what is drawn on a logarithmic axis, as a factor."""
_DECADES_WITH_FINE_TICKS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One plot."""

    id: str
    title: str
    caption: str
    """What is seen, for those who see it and those who do not."""
    traces: list[JsonObject]
    layout: JsonObject
    height_px: int = 380


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How one kind is drawn: told apart by shape or pattern too, never by colour alone."""

    colour: str
    symbol: str = "circle"
    pattern: str = ""


METHOD_LOOKS = {
    Method.LIVE: Look(colour="#2780c4", symbol="circle"),
    Method.POST_COPY: Look(colour="#119f77", symbol="diamond"),
    Method.PAUSED: Look(colour="#bd6fa1", symbol="square"),
    Method.COLD: Look(colour="#d9681d", symbol="triangle-up"),
}
"""Okabe and Ito's colours, shifted until each has a contrast of 3 to 1 to white and to the dark page."""

VERDICT_LOOKS = {
    Verdict.MET: Look(colour="#119f77"),
    Verdict.MISSED: Look(colour="#d9681d", pattern="x"),
    Verdict.UNKNOWN: Look(colour="#8c8c8c", pattern="/"),
    Verdict.NONE: Look(colour="#b3b3b3", pattern="."),
}

GREY = "#8c8c8c"
ALARM = "#d43d51"


def drawn_ms(value_ms: float) -> float:
    """Where a duration is drawn on a logarithmic axis."""
    return round(max(value_ms, FLOOR_MS), 1)


def text(value: str) -> str:
    """Foreign text for a label: plotly.js reads some HTML in labels, and this leaves none."""
    return escape(value, quote=False)


def moment(at: datetime) -> str:
    """A time for a time axis, in UTC: plotly.js draws what it is told and knows no zones."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def interval(move: RecordHead) -> str:
    """A downtime with its bounds, in words."""
    middle, lower, upper = downtime_ms(move), move.measurement.downtime_lower_ms, move.measurement.downtime_upper_ms
    if middle is None:
        return "not measured" if lower is None else f"at least {lower:,.0f} ms"
    return f"{middle:,.0f} ms ({lower or 0.0:,.0f} to {upper or 0.0:,.0f})"


def label(move: RecordHead) -> str:
    """What is said of a move where its point is pointed at."""
    promise = f"<br>promise {move.max_downtime_ms:,} ms: {move.verdict}" if move.max_downtime_ms is not None else ""
    return (
        f"{text(move.vm)}: {text(move.source)} to {text(move.destination)}<br>"
        f"{move.started_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC, {method_of(move)}<br>down {interval(move)}{promise}"
    )


def error_bars(moves: Iterable[RecordHead]) -> JsonObject:
    """Each measured move's bounds as bars around its downtime."""
    ends = ((one.measurement.downtime_lower_ms, downtime_ms(one), one.measurement.downtime_upper_ms) for one in moves)
    return bars([(drawn_ms(low or 0.0), drawn_ms(middle or 0.0), drawn_ms(high or 0.0)) for low, middle, high in ends])


def bars(drawn: Sequence[tuple[float, float, float]]) -> JsonObject:
    """Bars around marks, each as (low end, mark, high end); an end on the mark's wrong side is none."""
    return {
        "type": "data",
        "symmetric": False,
        "array": [round(max(high - middle, 0), 1) for _, middle, high in drawn],
        "arrayminus": [round(max(middle - low, 0), 1) for low, middle, _ in drawn],
        "thickness": 1.5,
        "width": 3,
    }


def milliseconds_axis(title: str, shown_ms: Iterable[float]) -> JsonObject:
    """A logarithmic axis over these values: live moves take tens of ms, cold ones thousands.

    Ticks at 1, 2 and 5, and over more than two decades at the powers of ten only.
    """
    known = list(shown_ms)
    least, most = drawn_ms(min(known, default=FLOOR_MS)), drawn_ms(max(known, default=FLOOR_MS))
    middle = sqrt(least * most)
    # So wide at least that a tick lies within.
    low, high = min(least / _AROUND, middle / 2), max(most * _AROUND, middle * 2)
    decades = range(floor(log10(low)), ceil(log10(high)) + 1)
    steps = (1, 2, 5) if log10(high / low) <= _DECADES_WITH_FINE_TICKS else (1,)
    return {
        "type": "log",
        "title": {"text": title},
        "range": [log10(low), log10(high)],
        "tickvals": [step * 10**decade for decade in decades for step in steps],
        "tickformat": ",~g",
    }


def bounds_ms(moves: Iterable[RecordHead]) -> list[float]:
    """All that is drawn of these moves' downtimes."""
    ends = ((move.measurement.downtime_lower_ms, move.measurement.downtime_upper_ms) for move in moves)
    return [value for pair in ends for value in pair if value is not None]
