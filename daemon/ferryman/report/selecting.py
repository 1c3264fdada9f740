"""Which of a report's moves are told in full. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ferryman.records.audit.head import RecordHead
from ferryman.report.reading import downtime_ms

NEWEST_IN_FULL = 20
LONGEST_IN_FULL = 5


def in_full(moves: Sequence[RecordHead]) -> tuple[RecordHead, ...]:
    """Those worth a close look: the newest, and those that were down for longest. `moves` are the newest first."""
    longest = sorted(moves, key=lambda move: downtime_ms(move) or 0.0, reverse=True)[:LONGEST_IN_FULL]
    chosen = {move.id for move in (*moves[:NEWEST_IN_FULL], *longest)}
    return tuple(move for move in moves if move.id in chosen)
