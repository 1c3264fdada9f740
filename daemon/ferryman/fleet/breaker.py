"""When a host that failed again and again is called again: a circuit breaker. Pure: the time is an argument."""

from __future__ import annotations

from dataclasses import dataclass

FAILURES_ALLOWED = 3
"""In a row; from this one on the host rests after each."""
FIRST_REST_S = 5.0
MOST_REST_S = 60.0
"""A host that is back is found so late at most, when it was gone for long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """One host's failures in a row."""

    failures: int = 0
    rests_until_s: float = 0.0
    """On the caller's monotonic clock; before that the host is not called."""

    def allows(self, now_s: float) -> bool:
        """Whether the host may be called."""
        return now_s >= self.rests_until_s

    @property
    def is_open(self) -> bool:
        """Whether the host is called only now and then."""
        return self.failures >= FAILURES_ALLOWED


CLOSED = Breaker()
"""The host answers."""


def failed(before: Breaker, now_s: float) -> Breaker:
    """After one more call that found nobody. Calls that were under way when the rest began count no more.

    >>> failed(Breaker(failures=4), 100.0)
    Breaker(failures=5, rests_until_s=120.0)
    """
    if not before.allows(now_s):
        return before
    failures = before.failures + 1
    if failures < FAILURES_ALLOWED:
        return Breaker(failures=failures)
    rest_s = min(MOST_REST_S, FIRST_REST_S * 2.0 ** (failures - FAILURES_ALLOWED))
    return Breaker(failures=failures, rests_until_s=now_s + rest_s)
