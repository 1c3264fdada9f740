"""Downtimes summed up; what was not measured is in no figure."""

from hypothesis import given
from hypothesis import strategies as st

from ferryman.downtime.statistics import by_vm_and_method, summarise
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


def test_vms_and_methods_are_kept_apart() -> None:
    groups = by_vm_and_method(
        [("guest-01", "live", took(90)), ("guest-01", "cold", took(9000)), ("guest-01", "live", took(110))]
    )

    assert groups["guest-01", "live"].mean_ms == 100
    assert groups["guest-01", "cold"].measured == 1
