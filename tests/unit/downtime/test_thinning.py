"""Fewer samples that still show what happened."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ferryman.downtime.thinning import thin
from ferryman.downtime.values import ProbeFate, Sample

MS = 1_000_000


def answered(at_ms: int, took_ms: float = 1.0) -> Sample:
    return Sample(sent_ns=at_ms * MS, outcome=ProbeFate.ANSWERED, round_trip_ns=round(took_ms * MS))


def lost(at_ms: int) -> Sample:
    return Sample(sent_ns=at_ms * MS, outcome=ProbeFate.LOST, round_trip_ns=-1)


def test_few_samples_are_all_kept() -> None:
    samples = [answered(at) for at in range(10)]
    assert thin(samples, in_time_ns=None, most=10) == tuple(samples)


def test_the_ends_of_an_outage_are_kept_to_the_probe() -> None:
    samples = [lost(at) if 4000 <= at < 6000 else answered(at) for at in range(0, 10000, 10)]
    kept = thin(samples, in_time_ns=5 * MS, most=200)
    assert len(kept) <= 200
    assert {3990, 4000, 5990, 6000} <= {sample.sent_ns // MS for sample in kept}


def test_late_answers_make_an_end_too() -> None:
    samples = [answered(at, took_ms=90.0 if 4000 <= at < 6000 else 1.0) for at in range(0, 10000, 10)]
    kept = {sample.sent_ns // MS for sample in thin(samples, in_time_ns=5 * MS, most=200)}
    assert {3990, 4000, 5990, 6000} <= kept


def test_one_slow_answer_and_one_lost_probe_among_thousands_are_kept() -> None:
    samples = [answered(at) for at in range(5000)]
    samples[1234] = answered(1234, took_ms=40.0)
    samples[4321] = lost(4321)
    kept = thin(samples, in_time_ns=None, most=100)
    assert samples[1234] in kept
    assert samples[4321] in kept


@given(st.lists(st.booleans(), max_size=400), st.integers(min_value=4, max_value=60))
def test_never_more_than_asked_for_and_always_in_order(fates: list[bool], most: int) -> None:
    samples = [answered(at) if good else lost(at) for at, good in enumerate(fates)]
    kept = thin(samples, in_time_ns=None, most=most)
    assert len(kept) <= most or len(samples) <= most
    assert list(kept) == sorted(kept, key=lambda sample: sample.sent_ns)
    assert any(sample.outcome is ProbeFate.LOST for sample in kept) == (not all(fates))
