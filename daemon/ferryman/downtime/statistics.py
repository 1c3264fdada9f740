"""Figures of many moves, summed up: pure, and the same for the same values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from random import Random
from statistics import fmean, median, stdev

from ferryman.downtime.values import Downtime, MeasurementStatus


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


def summarise(measurements: Iterable[Downtime]) -> Statistics:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """Bounds of an estimate, in the unit of its values."""

    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How values of one kind lie; at least one."""

    count: int
    mean: float
    median: float
    lowest: float
    highest: float
    deviation: float | None
    """Standard deviation of the sample (n - 1 below the line); None: of one value."""
    median_interval: Interval | None
    """Confidence interval of the median, see `median_interval`; None: of one value."""


def spread(values: Sequence[float]) -> Spread:
    """Sum up values; raises ValueError without any."""
    if not values:
        raise ValueError("there is nothing to sum up")
    return Spread(
        count=len(values),
        mean=fmean(values),
        median=median(values),
        lowest=min(values),
        highest=max(values),
        deviation=stdev(values) if len(values) > 1 else None,
        median_interval=median_interval(values) if len(values) > 1 else None,
    )


CONFIDENCE = 0.95
RESAMPLES = 4000
_SEED = 20261123
"""Always the same, so that the same values always give the same interval."""


def median_interval(values: Sequence[float]) -> Interval:
    """95 % confidence interval of the median: the percentile bootstrap (Efron and Tibshirani 1993, 13.3).

    Drawn anew `RESAMPLES` times, with replacement. Five values are few: nearly lowest to highest.
    """
    draws = Random(_SEED)
    return _middle(median(draws.choices(values, k=len(values))) for _ in range(RESAMPLES))


def median_difference_interval(values: Sequence[float], others: Sequence[float]) -> Interval:
    """95 % confidence interval of how much the median of `values` lies above that of `others`, drawn independently.

    Where it holds 0, the two cannot be told apart by these values.
    """
    draws = Random(_SEED)
    return _middle(
        median(draws.choices(values, k=len(values))) - median(draws.choices(others, k=len(others)))
        for _ in range(RESAMPLES)
    )


def _middle(estimates: Iterable[float]) -> Interval:
    """The middle 95 of 100 of them."""
    ordered = sorted(estimates)
    outside = (1 - CONFIDENCE) / 2
    last = len(ordered) - 1
    return Interval(low=ordered[round(outside * last)], high=ordered[round((1 - outside) * last)])
