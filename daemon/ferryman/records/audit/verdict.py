"""Whether a measured downtime kept the spec's promise. Pure."""

from __future__ import annotations

from ferryman.downtime.values import Measurement, MeasurementStatus
from ferryman.records.audit.record import Verdict


def verdict(measurement: Measurement, max_downtime_ms: int | None) -> Verdict:
    """Compare the downtime's bounds with the promise; ms.

    Met or missed only where the whole interval lies on one side: for a promise of 500 ms, 480 to 500 is met,
    501 to 520 is missed, 490 to 510 is unknown. A service that is not back has a lower bound only.
    """
    if max_downtime_ms is None:
        return Verdict.NONE
    if measurement.status is MeasurementStatus.UNMEASURED:
        return Verdict.UNKNOWN
    lower, upper = measurement.downtime_lower_ms, measurement.downtime_upper_ms
    if lower is not None and lower > max_downtime_ms:
        return Verdict.MISSED
    back = measurement.status is MeasurementStatus.MEASURED
    if back and upper is not None and upper <= max_downtime_ms:
        return Verdict.MET
    return Verdict.UNKNOWN
