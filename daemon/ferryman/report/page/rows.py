"""The table of moves as plain rows: the page's script sorts, filters and shows them. Pure."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC

from ferryman.report.figures.drawing import JsonObject, interval
from ferryman.report.model import ReportedMove

COLUMNS = (
    "began (UTC)",
    "VM",
    "from",
    "to",
    "method",
    "outcome",
    "took, s",
    "downtime",
    "hypervisor, ms",
    "promise, ms",
    "verdict",
    "predicted, ms",
    "cause",
    "commit",
)


def table(moves: Collection[ReportedMove], in_full: Collection[str]) -> JsonObject:
    """Columns and rows. A cell is a text, or a number, or [text, number to sort by]; `links` has an id or null."""
    return {
        "columns": COLUMNS,
        "rows": [_row(move) for move in moves],
        "links": [move.id if move.id in in_full else None for move in moves],
        "remarks": [move.remark for move in moves],
    }


def _row(move: ReportedMove) -> list[object]:
    return [
        f"{move.began_at.astimezone(UTC):%Y-%m-%d %H:%M:%S}",
        move.vm,
        move.source,
        move.destination,
        move.method,
        move.outcome,
        round(move.duration_s, 1),
        [interval(move), _sorted_by(move)],
        move.hypervisor_ms,
        move.promise_ms,
        move.verdict,
        None if move.predicted_ms is None else round(move.predicted_ms),
        move.cause,
        f"{move.revision[:10]} {move.subject}",
    ]


def _sorted_by(move: ReportedMove) -> float | None:
    """What is known of the downtime; ms."""
    return move.downtime_ms if move.is_measured else move.lower_ms
