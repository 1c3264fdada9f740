"""Figures in words, the same in every command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ferryman.downtime.values import Downtime, MeasurementStatus

if TYPE_CHECKING:
    # Lists of records need neither, nor should they wait for all that these import.
    from ferryman.planning.plans import Prediction
    from ferryman.records.progress_files import Progress

_MIB = 1024 * 1024


def downtime(measurement: Downtime) -> str:
    """A measurement in a few words: the figure, its bounds, or why there is none."""
    match measurement.status:
        case MeasurementStatus.MEASURED:
            low, high = measurement.downtime_lower_ms or 0.0, measurement.downtime_upper_ms or 0.0
            # Measured and with a reason: the port answered, and no working service stood behind it.
            doubt = f"; {measurement.reason}" if measurement.reason else ""
            return f"down {measurement.downtime_ms or 0.0:.0f} ms ({low:.0f}-{high:.0f}){doubt}"
        case MeasurementStatus.NOT_BACK:
            return f"NOT ANSWERING for at least {(measurement.downtime_lower_ms or 0.0) / 1000:.1f} s"
        case MeasurementStatus.UNMEASURED:
            return f"downtime not measured ({measurement.reason})"


def prediction(one: Prediction) -> str:
    """What a method is expected to cost, in one line."""
    down = "downtime unknown" if one.downtime_ms is None else f"down {one.downtime_ms:,.0f} ms"
    took = "" if one.duration_s is None else f", {one.duration_s:,.0f} s in all"
    return f"predicted {one.method}: {down}{took} ({one.basis})"


def progress(one: Progress) -> str:
    """A move under way in one line."""
    parts = [f"{one.vm} {one.source} -> {one.destination} ({one.method}) {one.phase}"]
    if one.disk_total_bytes:
        parts.append(f"disk {_share(one.disk_processed_bytes, one.disk_total_bytes)}")
    if one.memory_total_bytes:
        parts.append(f"memory {_share(one.memory_processed_bytes, one.memory_total_bytes)}")
    if one.iteration:
        parts.append(f"pass {one.iteration}")
    if one.bandwidth_mib_s:
        parts.append(f"{one.bandwidth_mib_s:.0f} MiB/s")
    return " | ".join([*parts, f"probe: {one.probe}"])


def _share(done: int | None, total: int) -> str:
    return f"{(done or 0) / _MIB:.0f}/{total / _MIB:.0f} MiB"
