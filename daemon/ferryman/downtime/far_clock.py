"""Another machine's monotonic clock against ours. Pure.

Each reading was made between the moment it was asked for and the moment it was told; the quickest says most. Example,
in ms: asked at 100, the far clock said 7,050, told at 104. It was 102 here, give or take 2: that clock is 6,948 ahead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ferryman.fleet.ssh.far_python import ClockReading


@dataclass(frozen=True, slots=True, kw_only=True)
class FarClock:
    """How the other clock stands to ours; ns."""

    ahead_ns: int
    error_ns: int
    """At most so much more or less."""

    def here_ns(self, far_ns: int) -> int:
        """Our time at a moment of the other clock."""
        return far_ns - self.ahead_ns


def far_clock(readings: Sequence[ClockReading]) -> FarClock:
    """From at least one reading."""
    best = min(readings, key=lambda reading: reading.told_ns - reading.asked_ns)
    half_ns, odd_ns = divmod(best.told_ns - best.asked_ns, 2)
    return FarClock(ahead_ns=best.far_ns - best.asked_ns - half_ns, error_ns=half_ns + odd_ns)


def widened(begun: FarClock, ended: FarClock) -> FarClock:
    """The first one, with an error that covers how far the clocks drifted apart until the second was read."""
    drift_ns = abs(ended.ahead_ns - begun.ahead_ns)
    return FarClock(ahead_ns=begun.ahead_ns, error_ns=max(begun.error_ns, drift_ns + ended.error_ns))
