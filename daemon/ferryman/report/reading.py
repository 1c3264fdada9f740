"""What a report asks of one record. Pure."""

from __future__ import annotations

from ferryman.downtime.values import MeasurementStatus
from ferryman.records.audit.head import Outcome, RecordHead
from ferryman.specs.choices import Method

_MEASURED = MeasurementStatus.MEASURED
"""Looked up once: it is asked of every move a dozen times."""


def method_of(record: RecordHead) -> Method:
    """What it was in the end: a live move that was switched to post-copy is one of post-copy."""
    return Method.POST_COPY if record.post_copy else record.method


def downtime_ms(record: RecordHead) -> float | None:
    """The measured downtime; None where there is none, also where the service did not come back."""
    measurement = record.measurement
    return measurement.downtime_ms if measurement.status is _MEASURED else None


def counted_ms(record: RecordHead) -> float | None:
    """The downtime as statistics have it: of a move that succeeded, and that nobody had to take up again."""
    return downtime_ms(record) if is_counted(record) else None


def is_counted(record: RecordHead) -> bool:
    """Whether its downtime is one of its method: one that failed, or was interrupted, says nothing of that."""
    return record.outcome is Outcome.SUCCEEDED and not record.recovered


def foretold_ms(record: RecordHead) -> float | None:
    """The predicted downtime of a move whose downtime was measured; None: of another, or it was not known."""
    measured_ms, error_ms = downtime_ms(record), record.prediction_error_ms
    return None if measured_ms is None or error_ms is None else measured_ms - error_ms
