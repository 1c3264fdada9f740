"""The whole report of some moves. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ferryman.records.audit.head import RecordHead
from ferryman.report.model import CloseUp, Report
from ferryman.report.summing import by_method, by_vm, medians, summary


def report_of(
    moves: Sequence[RecordHead],
    close_ups: Sequence[CloseUp],
    *,
    made_at: datetime,
    selection: str = "",
    damaged: int = 0,
) -> Report:
    """Sum up these moves; both sequences are in any order."""
    newest_first = sorted(moves, key=lambda move: (move.started_at, move.id), reverse=True)
    return Report(
        made_at=made_at,
        selection=selection,
        moves=tuple(newest_first),
        whole=summary(newest_first),
        methods=by_method(newest_first),
        vms=by_vm(newest_first),
        medians=medians(newest_first),
        close_ups=tuple(sorted(close_ups, key=lambda one: one.record.started_at, reverse=True)),
        damaged=damaged,
    )
