"""Statistics that are kept up value by value, each in constant time and space: pure."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from statistics import median

SAMPLE_MOST = 101
"""Up to so many values the median is exact; of more it is that of a fair sample of all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """What all values up to now come to."""

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0
    """Sum of the squared differences from the mean (Welford 1962, Technometrics 4(3))."""
    lowest: float | None = None
    highest: float | None = None
    last: float | None = None
    sample: tuple[float, ...] = ()
    """At most SAMPLE_MOST of the values, each as likely to be here as any other (Vitter 1985, algorithm R)."""

    @property
    def deviation(self) -> float | None:
        """Standard deviation of the sample (n - 1 below the line); None: of fewer than two values."""
        return sqrt(self.squares / (self.count - 1)) if self.count > 1 else None

    @property
    def median(self) -> float | None:
        """See SAMPLE_MOST."""
        return median(self.sample) if self.sample else None

    def with_value(self, value: float, lot: int) -> Running:
        """One value more. `lot`: a large number that has nothing to do with the value, to draw the sample by.

        The same values with the same lots in the same order give the same statistics.
        """
        count = self.count + 1
        mean = self.mean + (value - self.mean) / count
        return Running(
            count=count,
            mean=mean,
            squares=self.squares + (value - self.mean) * (value - mean),
            lowest=value if self.lowest is None else min(self.lowest, value),
            highest=value if self.highest is None else max(self.highest, value),
            last=value,
            sample=_drawn(self.sample, value, lot % count),
        )


def _drawn(sample: tuple[float, ...], value: float, place: int) -> tuple[float, ...]:
    if len(sample) < SAMPLE_MOST:
        return (*sample, value)
    return (*sample[:place], value, *sample[place + 1 :]) if place < SAMPLE_MOST else sample
