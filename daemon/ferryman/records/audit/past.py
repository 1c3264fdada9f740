"""What the audit records teach of moves to come. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from ferryman.downtime.values import MeasurementStatus
from ferryman.planning.modes import SwitchOver
from ferryman.planning.past import History, PastMove
from ferryman.records.audit.ordering import in_order
from ferryman.records.audit.record import MigrationRecord, Outcome, Transfer
from ferryman.specs.choices import Method

_LEAST_BYTES = 8 * 1024 * 1024
"""A move that sent less says more of its preparations than of the link."""


def history_of(records: Iterable[MigrationRecord]) -> History:
    """The history that these records make, in whatever order they come."""
    done = [record for record in records if record.outcome is Outcome.SUCCEEDED and not record.recovered]
    return History.of(map(_past_move, reversed(in_order(done))))


def link_bytes_s(transfer: Transfer) -> int | None:
    """What a move's link carried; None where too little was sent to tell.

    By the hypervisor's own figure for memory. Records of before that was kept: all bytes over the whole time, which
    counts waiting as sending and so errs on the slow side. Example: 60 MiB of disk and 40 of memory in 2 s: 50 MiB/s.
    """
    sent = transfer.memory_bytes + transfer.disk_bytes
    if sent < _LEAST_BYTES:
        return None
    if transfer.memory_bytes_s:
        return transfer.memory_bytes_s
    return int(sent / transfer.total_ms * 1000) if transfer.total_ms else None


def _past_move(record: MigrationRecord) -> PastMove:
    measured = record.measurement.status is MeasurementStatus.MEASURED
    return PastMove(
        vm=record.vm,
        source=record.source,
        destination=record.destination,
        # What it was in the end: the one downtime says nothing of the other method.
        method=Method.POST_COPY if record.post_copy else record.method,
        switch_over=record.switch_over or SwitchOver.LADDER,
        downtime_ms=record.measurement.downtime_ms if measured else None,
        least_ms=record.measurement.downtime_lower_ms if measured else None,
        duration_s=record.total_ms / 1000,
        memory_bytes=record.transfer.memory_bytes,
        link_bytes_s=link_bytes_s(record.transfer),
        link_is_sure=record.transfer.memory_bytes_s is not None,
        dirty=record.dirty,
    )
