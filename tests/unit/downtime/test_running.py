"""Statistics that are kept up value by value are those of all values at once."""

from __future__ import annotations

from random import Random
from statistics import fmean, median, stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferryman.downtime.running_statistics import SAMPLE_MOST, Running

VALUES = st.lists(st.floats(0, 1e6), min_size=2, max_size=SAMPLE_MOST)


def kept_up(values: list[float]) -> Running:
    found, lots = Running(), Random(1)
    for value in values:
        found = found.with_value(value, lot=lots.getrandbits(63))
    return found


@given(VALUES)
def test_they_are_those_of_all_values(values: list[float]) -> None:
    found = kept_up(values)

    assert found.count == len(values)
    assert found.mean == pytest.approx(fmean(values))
    assert found.deviation == pytest.approx(stdev(values), abs=1e-3)
    assert (found.median, found.lowest, found.highest) == (median(values), min(values), max(values))
    assert found.last == values[-1]


def test_welford_keeps_its_digits_where_values_are_large_and_close() -> None:
    assert kept_up([1e9 + value for value in (4.0, 7.0, 13.0, 16.0)]).deviation == pytest.approx(30**0.5)


def test_none_is_known_of_nothing() -> None:
    assert (Running().median, Running().deviation, Running().lowest) == (None, None, None)
    assert Running().with_value(3.0, 0).deviation is None


def test_of_many_values_a_fair_sample_is_kept() -> None:
    found = kept_up([float(value) for value in range(10_000)])

    assert len(found.sample) == SAMPLE_MOST
    assert found.median == pytest.approx(5000, abs=1000)  # two standard errors of the median of 101 of them
    assert found.mean == pytest.approx(4999.5)
