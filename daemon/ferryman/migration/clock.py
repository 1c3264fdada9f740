"""The time, as an argument: wall clock for records, monotonic clock for durations."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What the program asks of time."""

    def now(self) -> datetime:
        """Wall clock, UTC; only ever written down, never subtracted."""
        ...

    def monotonic_ns(self) -> int:
        """CLOCK_MONOTONIC, the same in the prober's process."""
        ...


class SystemClock:
    """The machine's clocks."""

    def now(self) -> datetime:
        """Wall clock, UTC."""
        return datetime.now(UTC)

    def monotonic_ns(self) -> int:
        """CLOCK_MONOTONIC."""
        return time.monotonic_ns()
