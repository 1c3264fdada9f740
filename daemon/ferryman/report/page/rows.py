"""The table of moves as plain rows: the page's script sorts, filters and shows them. Pure."""

from __future__ import annotations

from collections.abc import Collection

from ferryman.records.audit.head import RecordHead
from ferryman.report.figures.drawing import JsonObject
from ferryman.report.reading import downtime_ms, foretold_ms, method_of

COLUMNS = (
    "began (UTC)",
    "VM",
    "from",
    "to",
    "method",
    "outcome",
    "took, s",
    "downtime, ms",
    "at least",
    "at most",
    "guest paused, ms",
    "promise, ms",
    "verdict",
    "predicted, ms",
    "cause",
    "commit",
)


def table(moves: Collection[RecordHead], in_full: Collection[str]) -> JsonObject:
    """Columns and rows. A cell is a text, a number, or null; `links` has an id or null, `remarks` a text."""
    return {
        "columns": COLUMNS,
        "rows": [_row(move) for move in moves],
        "links": [move.id if move.id in in_full else None for move in moves],
        "remarks": [move.reason or move.measurement.reason for move in moves],
    }


def _row(move: RecordHead) -> list[str | float | None]:
    return [
        move.started_at.isoformat(" ", "seconds")[:19],
        move.vm,
        move.source,
        move.destination,
        method_of(move),
        move.outcome,
        round(move.total_ms / 1000, 1),
        _rounded(downtime_ms(move)),
        _rounded(move.measurement.downtime_lower_ms),
        _rounded(move.measurement.downtime_upper_ms),
        move.transfer.hypervisor_downtime_ms,
        move.max_downtime_ms,
        move.verdict,
        _rounded(foretold_ms(move)),
        move.cause.kind,
        f"{move.cause.revision[:10]} {move.cause.subject}",
    ]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value)
