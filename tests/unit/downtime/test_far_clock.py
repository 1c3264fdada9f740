"""Another machine's clock against ours."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferryman.downtime.far_clock import FarClock, far_clock, widened
from ferryman.fleet.ssh.far_python import ClockReading

DAY_NS = 86_400_000_000_000


def reading(asked_ns: int, far_ns: int, told_ns: int) -> ClockReading:
    return ClockReading(asked_ns=asked_ns, far_ns=far_ns, told_ns=told_ns)


def test_the_quickest_reading_counts() -> None:
    found = far_clock([reading(10, 7000, 90), reading(100, 7050, 104), reading(200, 7300, 260)])
    assert found == FarClock(ahead_ns=6948, error_ns=2)
    assert found.here_ns(7050) == 102


@given(
    ahead_ns=st.integers(-DAY_NS, DAY_NS),
    ways_ns=st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)), min_size=1, max_size=8),
)
def test_the_truth_lies_within_the_error_however_unequal_there_and_back_are(
    ahead_ns: int, ways_ns: list[tuple[int, int]]
) -> None:
    readings = [reading(0, there_ns + ahead_ns, there_ns + back_ns) for there_ns, back_ns in ways_ns]
    found = far_clock(readings)
    assert abs(found.ahead_ns - ahead_ns) <= found.error_ns


@pytest.mark.parametrize(
    ("ended", "error_ns"),
    [
        (FarClock(ahead_ns=100, error_ns=5), 10),
        (FarClock(ahead_ns=100, error_ns=30), 30),
        (FarClock(ahead_ns=160, error_ns=5), 65),
        (FarClock(ahead_ns=40, error_ns=5), 65),
    ],
)
def test_clocks_that_drifted_apart_are_less_exact(ended: FarClock, error_ns: int) -> None:
    assert widened(FarClock(ahead_ns=100, error_ns=10), ended) == FarClock(ahead_ns=100, error_ns=error_ns)
