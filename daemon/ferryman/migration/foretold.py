"""What a plan foretold, as its record keeps it, and how far off that was. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ferryman.downtime.values import Measurement, MeasurementStatus
from ferryman.planning.plans import Plan
from ferryman.records.audit.record import PredictionRecord


def predictions_of(plan: Plan) -> tuple[PredictionRecord, ...]:
    """The plan's predictions, the chosen method's marked."""
    return tuple(
        PredictionRecord(
            method=one.method,
            chosen=one.method is plan.method,
            downtime_ms=_rounded(one.downtime_ms),
            least_ms=_rounded(one.least_ms),
            duration_s=_rounded(one.duration_s),
            basis=one.basis,
        )
        for one in plan.predictions
    )


def error_ms(predicted: Sequence[PredictionRecord], measurement: Measurement) -> float | None:
    """Measured less predicted downtime. Example: 80 ms predicted, 95 measured: 15."""
    foretold = next((one.downtime_ms for one in predicted if one.chosen), None)
    measured = measurement.downtime_ms if measurement.status is MeasurementStatus.MEASURED else None
    return None if foretold is None or measured is None else round(measured - foretold, 1)


def error_s(predicted: Sequence[PredictionRecord], total_ms: float) -> float | None:
    """Actual less predicted duration. Example: 3 s predicted, 2,500 ms taken: -0.5."""
    foretold = next((one.duration_s for one in predicted if one.chosen), None)
    return None if foretold is None else round(total_ms / 1000 - foretold, 1)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
