"""Downtimes of many moves, summed up per VM and method: pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import ceil
from statistics import fmean, median

from ferryman.downtime.values import Measurement, MeasurementStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """The downtimes of several moves; the figures are None where none was measured."""

    measured: int
    unmeasured: int
    """Moves without a number; they are in no figure, least of all as 0."""
    not_back: int
    """Moves whose service had not come back when probing ended; in no figure either."""
    mean_ms: float | None = None
    median_ms: float | None = None
    lowest_ms: float | None = None
    highest_ms: float | None = None
    p95_ms: float | None = None
    """The smallest measured downtime that at least 95 of 100 do not exceed (nearest rank)."""


def summarise(measurements: Iterable[Measurement]) -> Statistics:
    """Sum up the moves of one VM by one method."""
    known = list(measurements)
    downtimes = sorted(
        measurement.downtime_ms
        for measurement in known
        if measurement.status is MeasurementStatus.MEASURED and measurement.downtime_ms is not None
    )
    not_back = sum(measurement.status is MeasurementStatus.NOT_BACK for measurement in known)
    unmeasured = len(known) - len(downtimes) - not_back
    if not downtimes:
        return Statistics(measured=0, unmeasured=unmeasured, not_back=not_back)
    return Statistics(
        measured=len(downtimes),
        unmeasured=unmeasured,
        not_back=not_back,
        mean_ms=fmean(downtimes),
        median_ms=median(downtimes),
        lowest_ms=downtimes[0],
        highest_ms=downtimes[-1],
        p95_ms=downtimes[ceil(0.95 * len(downtimes)) - 1],
    )


def by_vm_and_method(
    moves: Iterable[tuple[str, str, Measurement]],
) -> Mapping[tuple[str, str], Statistics]:
    """Sum up moves given as (VM, method, measurement)."""
    groups: dict[tuple[str, str], list[Measurement]] = defaultdict(list)
    for vm, method, measurement in moves:
        groups[vm, method].append(measurement)
    return {key: summarise(measurements) for key, measurements in groups.items()}
