"""What a report asks of one record. Pure."""

from __future__ import annotations

from ferryman.downtime.values import MeasurementStatus
from ferryman.records.audit_records import MigrationRecord, PredictionRecord
from ferryman.specs.choices import Method


def method_of(record: MigrationRecord) -> Method:
    """What it was in the end: a live move that was switched to post-copy is one of post-copy."""
    return Method.POST_COPY if record.post_copy else record.method


def downtime_ms(record: MigrationRecord) -> float | None:
    """The measured downtime; None where there is none, also where the service did not come back."""
    measurement = record.measurement
    return measurement.downtime_ms if measurement.status is MeasurementStatus.MEASURED else None


def foretold(record: MigrationRecord) -> PredictionRecord | None:
    """What the method that was taken was expected to cost."""
    return next((one for one in record.predictions if one.chosen), None)


def foretold_ms(record: MigrationRecord) -> float | None:
    """The predicted downtime; None: it was not known."""
    one = foretold(record)
    return one.downtime_ms if one else None
