"""The time, as an argument: wall clock for records, monotonic clock for durations."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What the program asks of time."""

    def now(self) -> datetime:
        """Wall clock, UTC; for writing down, never for durations."""
        ...

    def monotonic_ns(self) -> int:
        """CLOCK_MONOTONIC, the same in the prober's process."""
        ...


_MOST_APART_S = 2.0
"""Between two clocks that were not set: a clock that is slewed loses half a millisecond a second."""


def is_same_boot(then: datetime, then_ns: int, clock: Clock) -> bool:
    """Whether a moment noted by both clocks (well within a second) is of the monotonic clock's present run.

    After a restart of the machine that clock begins anew, and by the wall's another time has passed. A wall clock that
    was set meanwhile looks the same, and is taken for it.
    """
    passed_s = (clock.monotonic_ns() - then_ns) / 1e9
    return passed_s >= 0 and abs((clock.now() - then).total_seconds() - passed_s) < _MOST_APART_S


class SystemClock:
    """The machine's clocks."""

    def now(self) -> datetime:
        """Wall clock, UTC."""
        return datetime.now(UTC)

    def monotonic_ns(self) -> int:
        """CLOCK_MONOTONIC."""
        return time.monotonic_ns()
