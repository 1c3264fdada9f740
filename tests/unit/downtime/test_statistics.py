"""Downtimes summed up; what was not measured is in no figure."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferryman.downtime.statistics import median_difference_interval, median_interval, spread, summarise
from ferryman.downtime.values import Measurement, MeasurementStatus


def took(downtime_ms: float) -> Measurement:
    return Measurement(status=MeasurementStatus.MEASURED, downtime_ms=downtime_ms)


UNMEASURED = Measurement(status=MeasurementStatus.UNMEASURED, reason="no address")
NOT_BACK = Measurement(status=MeasurementStatus.NOT_BACK, downtime_lower_ms=900)


def test_five_runs_as_the_lab_report_had_them() -> None:
    summary = summarise([took(value) for value in (351.9, 351.9, 352.0, 220.4, 351.8)])

    assert round(summary.mean_ms or 0, 1) == 325.6
    assert summary.median_ms == 351.9
    assert (summary.lowest_ms, summary.highest_ms) == (220.4, 352.0)
    assert summary.measured == 5


def test_unmeasured_moves_are_counted_apart_and_never_as_zero() -> None:
    summary = summarise([took(100), UNMEASURED, NOT_BACK, took(200)])

    assert (summary.measured, summary.unmeasured, summary.not_back) == (2, 1, 1)
    assert summary.lowest_ms == 100


def test_without_any_measurement_there_are_no_figures() -> None:
    summary = summarise([UNMEASURED])

    assert (summary.measured, summary.unmeasured) == (0, 1)
    assert summary.mean_ms is None
    assert summary.p95_ms is None


def test_p95_is_a_downtime_that_was_measured() -> None:
    assert summarise([took(value) for value in range(1, 101)]).p95_ms == 95
    assert summarise([took(7)]).p95_ms == 7


@given(st.lists(st.floats(0, 1e6), min_size=1))
def test_the_figures_are_in_order(downtimes: list[float]) -> None:
    summary = summarise([took(value) for value in downtimes])

    assert summary.lowest_ms is not None
    assert summary.median_ms is not None
    assert summary.p95_ms is not None
    assert summary.highest_ms is not None
    assert summary.lowest_ms <= summary.median_ms <= summary.highest_ms
    assert summary.lowest_ms <= summary.p95_ms <= summary.highest_ms


LAB_COLD_S = (563.81, 563.22, 560.82, 558.83, 558.40)
LAB_LIVE_S = (0.3519, 0.3519, 0.3520, 0.2204, 0.3518)
TEN = (94, 101, 88, 120, 97, 93, 105, 99, 110, 91)


@pytest.mark.parametrize(
    ("values", "middle", "deviation", "interval"),
    [
        (LAB_COLD_S, 560.82, 2.4659947, (558.40, 563.81)),
        (LAB_LIVE_S, 0.3519, 0.0588086, (0.2204, 0.3520)),
        (TEN, 98.0, 9.6930674, (92.5, 105.5)),
        (range(1, 22), 11.0, 6.2048368, (7.0, 15.0)),
    ],
)
def test_medians_have_the_intervals_that_scipy_finds(
    values: Sequence[float], middle: float, deviation: float, interval: tuple[float, float]
) -> None:
    """By scipy 1.17: stats.bootstrap((values,), median, method="percentile", n_resamples=99999); numpy.std(ddof=1)."""
    found = spread(values)

    assert found.median == middle
    assert found.deviation == pytest.approx(deviation, abs=1e-6)
    assert (found.median_interval.low, found.median_interval.high) == interval


def test_one_value_is_all_there_is() -> None:
    found = spread([7.0])

    assert (found.mean, found.median, found.deviation) == (7.0, 7.0, None)
    assert found.median_interval is None


def test_nothing_cannot_be_summed_up() -> None:
    with pytest.raises(ValueError, match="nothing"):
        spread([])


def test_the_same_values_always_have_the_same_interval() -> None:
    assert median_interval(TEN) == median_interval(TEN)


def test_two_methods_are_told_apart_only_where_their_values_do() -> None:
    apart = median_difference_interval([value + 100 for value in TEN], TEN)
    alike = median_difference_interval(TEN, TEN)

    assert 80 < apart.low < 100 < apart.high < 120
    assert alike.low < 0 < alike.high
