"""What the accuracy bench found, held against the truth: pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from ferryman.downtime.values import Measurement, MeasurementStatus

MOST_MIDPOINT_ERROR_MS = 5.0
_SHARE = 0.99


@dataclass(frozen=True, slots=True)
class Truth:
    """The clock (ns) before and after the service was taken away, and before and after it was given back."""

    cutting_ns: int
    cut_ns: int
    healing_ns: int
    healed_ns: int

    @property
    def at_least_ms(self) -> float:
        """It was away for at least this long."""
        return (self.healing_ns - self.cut_ns) / 1e6

    @property
    def at_most_ms(self) -> float:
        """It was away for at most this long."""
        return (self.healed_ns - self.cutting_ns) / 1e6

    @property
    def uncertainty_ms(self) -> float:
        """How far the cutter itself may be off, up or down."""
        return (self.at_most_ms - self.at_least_ms) / 2

    @property
    def middle_ms(self) -> float:
        """The best single figure."""
        return (self.at_least_ms + self.at_most_ms) / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One cut, and what was made of it."""

    truth: Truth
    measurement: Measurement

    def __str__(self) -> str:
        """The bounds, and the truth."""
        truth = f"{self.truth.at_least_ms:.2f}-{self.truth.at_most_ms:.2f}"
        return f"{self.lower_ms:.2f}-{self.upper_ms:.2f} ms for {truth} ms"

    @property
    def lower_ms(self) -> float:
        """The measured lower bound."""
        return self.measurement.downtime_lower_ms or 0.0

    @property
    def upper_ms(self) -> float:
        """The measured upper bound."""
        return self.measurement.downtime_upper_ms or 0.0

    @property
    def measured(self) -> bool:
        """Whether there is a number."""
        return self.measurement.status is MeasurementStatus.MEASURED

    @property
    def holds(self) -> bool:
        """Whether the truth lies within the bounds, as far as the truth is known."""
        return self.measured and self.lower_ms <= self.truth.at_most_ms and self.truth.at_least_ms <= self.upper_ms

    @property
    def error_ms(self) -> float:
        """How far the midpoint surely is from the truth."""
        off_ms = abs((self.measurement.downtime_ms or 0.0) - self.truth.middle_ms)
        return max(0.0, off_ms - self.truth.uncertainty_ms)

    @property
    def apart_ms(self) -> float:
        """How far the bounds are apart."""
        return self.upper_ms - self.lower_ms

    def excess_ms(self, interval_ms: float) -> float:
        """How much further they are apart than two intervals, the slots missed, and the baseline's round trip.

        A slot in which this machine let the prober send nothing widens the bounds: it must.
        """
        allowed_ms = (2 + self.measurement.missed) * interval_ms + (self.measurement.baseline_round_trip_max_ms or 0.0)
        return self.apart_ms - allowed_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """All cuts of one kind."""

    kind: str
    cases: tuple[Case, ...]
    missed: int
    """Slots in which the prober sent nothing."""
    trouble: str = ""
    """Why there are no more cases."""
    whole: Measurement | None = None
    """Of all cuts in one; None: there was none."""
    accepted: int = 0
    """Connections that reached the service."""
    old_way: tuple[tuple[int, int], ...] = ()
    """What the old way saw as outages, in ns of the clock."""

    def with_ends(self, *, accepted: int, old_way: Sequence[tuple[int, int]]) -> Found:
        """With what is known only at the end."""
        return replace(self, accepted=accepted, old_way=tuple(old_way))

    def old_errors_ms(self) -> list[float]:
        """How far off the old way was with each cut that it saw."""
        errors = []
        for truth in (case.truth for case in self.cases):
            seen = [up - down for down, up in self.old_way if down < truth.healed_ns and up > truth.cutting_ns]
            if seen:
                errors.append(abs(max(seen) / 1e6 - truth.middle_ms))
        return errors


def share(values: Sequence[float], part: float) -> float:
    """The value that this part of them does not exceed; 0 without any."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else 0.0


def judge(
    founds: Sequence[Found],
    interval_ms: float,
    *,
    uncut: Collection[str],
    loose: Collection[str],
    most_error_ms: float = MOST_MIDPOINT_ERROR_MS,
) -> list[str]:
    """What was promised and not kept; of `loose` kinds nothing is said of how far the bounds are apart."""
    missed = []
    for found in founds:
        tight = found.kind not in {*uncut, *loose}
        for case in found.cases:
            misses = _false_outages(case) if found.kind in uncut else _misses(case)
            if tight and case.excess_ms(interval_ms) > 0:
                misses.append(f"{case}: {case.excess_ms(interval_ms):.3f} ms too far apart")
            missed += [f"{found.kind}: {what}" for what in misses]
        if found.trouble:
            missed.append(f"{found.kind}: {found.trouble}")
        if found.accepted:
            missed.append(f"{found.kind}: {found.accepted} probes reached accept()")
        error_ms = share([case.error_ms for case in found.cases], _SHARE)
        if tight and error_ms > most_error_ms:
            missed.append(f"{found.kind}: midpoints err by {error_ms:.2f} ms")
    return missed


def sums_missed(found: Found) -> list[str]:
    """Of all cuts in one watch: what is wrong with how many outages there are, and with the bounds of their sum."""
    whole = found.whole
    if whole is None:
        return ["no measurement of the whole watch"]
    truths = [case.truth for case in found.cases]
    at_least_ms, at_most_ms = sum(one.at_least_ms for one in truths), sum(one.at_most_ms for one in truths)
    low_ms, high_ms = whole.total_outage_lower_ms or 0.0, whole.total_outage_upper_ms or 0.0
    misses = [] if whole.outages == len(truths) else [f"{len(truths)} cuts were called {whole.outages} outages"]
    if low_ms > at_most_ms or high_ms < at_least_ms:
        misses.append(f"together {low_ms:.2f}-{high_ms:.2f} ms for {at_least_ms:.2f}-{at_most_ms:.2f} ms")
    return misses


def _false_outages(case: Case) -> list[str]:
    found = case.measurement
    return [f"false outages: {found.outage_list}"] if found.outages or not case.measured else []


def _misses(case: Case) -> list[str]:
    if not case.measured:
        return [f"{case.measurement.status}: {case.measurement.reason}"]
    misses = [] if case.holds else [f"{case}: not within"]
    if case.measurement.outages > 1:
        misses.append(f"{case}: called {case.measurement.outages} outages")
    return misses


_COLUMNS: tuple[tuple[str, Callable[[Found], object]], ...] = (
    ("kind", lambda found: found.kind),
    ("cuts", lambda found: len(found.cases)),
    ("within bounds", lambda found: sum(case.holds for case in found.cases)),
    ("bounds apart p50", lambda found: f"{share([case.apart_ms for case in found.cases], 0.5):.2f}"),
    ("p99", lambda found: f"{share([case.apart_ms for case in found.cases], _SHARE):.2f}"),
    ("midpoint off p50", lambda found: f"{share([case.error_ms for case in found.cases], 0.5):.2f}"),
    ("p99", lambda found: f"{share([case.error_ms for case in found.cases], _SHARE):.2f}"),
    ("max", lambda found: f"{share([case.error_ms for case in found.cases], 1):.2f}"),
    ("cutter +-", lambda found: f"{share([case.truth.uncertainty_ms for case in found.cases], 1):.2f}"),
    ("accepted", lambda found: found.accepted),
    ("missed", lambda found: found.missed),
    ("in cuts", lambda found: sum(case.measurement.missed > 0 for case in found.cases)),
    ("called", lambda found: "/".join(sorted({kind for case in found.cases for kind in case.measurement.kinds}))),
    ("old way saw", lambda found: len(found.old_errors_ms())),
    ("off p50", lambda found: f"{share(found.old_errors_ms(), 0.5):.0f}"),
)


def table(founds: Sequence[Found]) -> str:
    """One line for each kind; ms."""
    rows = [[name for name, _ in _COLUMNS], *([str(cell(found)) for _, cell in _COLUMNS] for found in founds)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(_COLUMNS))]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
