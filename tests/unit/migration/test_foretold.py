"""How far a prediction was off."""

from __future__ import annotations

import pytest

from ferryman.downtime.values import Measurement, MeasurementStatus
from ferryman.migration.foretold import error_ms, error_s
from ferryman.records.audit.record import PredictionRecord
from ferryman.specs.choices import Method

OTHER = PredictionRecord(method=Method.POST_COPY, downtime_ms=1.0, duration_s=1.0)


def measured(downtime_ms: float | None) -> Measurement:
    status = MeasurementStatus.UNMEASURED if downtime_ms is None else MeasurementStatus.MEASURED
    return Measurement(status=status, downtime_ms=downtime_ms)


@pytest.mark.parametrize(
    ("predicted_ms", "measured_ms", "error"), [(80, 95.0, 15), (100, 60.0, -40), (None, 95.0, None), (80, None, None)]
)
def test_is_measured_less_predicted_of_the_method_that_was_taken(
    predicted_ms: float | None, measured_ms: float | None, error: float | None
) -> None:
    chosen = PredictionRecord(method=Method.LIVE, chosen=True, downtime_ms=predicted_ms)
    assert error_ms([OTHER, chosen], measured(measured_ms)) == error


def test_so_is_the_duration() -> None:
    chosen = PredictionRecord(method=Method.LIVE, chosen=True, duration_s=3.0)
    assert error_s([OTHER, chosen], 2_500.0) == -0.5
    assert error_s([OTHER], 2_500.0) is None
