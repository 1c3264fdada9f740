"""Which moves a report tells of, and which of them in full. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from ferryman.records.values import MigrationRecord
from ferryman.report.model import ReportedMove
from ferryman.specs.models import Method

NEWEST_IN_FULL = 20
LONGEST_IN_FULL = 5


def reported(record: MigrationRecord) -> ReportedMove:
    """A record in short."""
    measurement = record.measurement
    foretold = next((one for one in record.predictions if one.chosen), None)
    return ReportedMove(
        id=record.id,
        vm=record.vm,
        source=record.source,
        destination=record.destination,
        method=Method.POST_COPY if record.post_copy else record.method,
        began_at=record.started_at,
        outcome=record.outcome,
        duration_s=record.total_ms / 1000,
        status=measurement.status,
        downtime_ms=measurement.downtime_ms,
        lower_ms=measurement.downtime_lower_ms,
        upper_ms=measurement.downtime_upper_ms,
        hypervisor_ms=record.transfer.hypervisor_downtime_ms,
        promise_ms=record.max_downtime_ms,
        verdict=record.verdict,
        predicted_ms=foretold.downtime_ms if foretold else None,
        predicted_s=foretold.duration_s if foretold else None,
        cause=record.cause.kind.value,
        revision=record.cause.revision,
        subject=record.cause.subject,
        remark=record.reason or measurement.reason,
    )


def in_full(moves: Sequence[ReportedMove]) -> tuple[str, ...]:
    """The ids of the moves worth a close look, the newest first: the newest, and those that were down for longest.

    `moves` are the newest first.
    """
    measured = [move for move in moves if move.is_measured]
    longest = sorted(measured, key=lambda move: move.downtime_ms or 0.0, reverse=True)[:LONGEST_IN_FULL]
    chosen = {move.id for move in (*moves[:NEWEST_IN_FULL], *longest)}
    return tuple(move.id for move in moves if move.id in chosen)


def of_vms(records: Iterable[MigrationRecord], vms: Collection[str]) -> Iterable[MigrationRecord]:
    """Those of these VMs; of all, where none is named."""
    return (record for record in records if not vms or record.vm in vms)
