"""A downtime in its parts. Times are in ms here."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferryman.downtime.attribution import Attribution, Told, attribute
from ferryman.downtime.values import Kind, Measurement, MeasurementStatus, Outage, ProbeFate, Sample
from ferryman.fleet.lifecycle import GuestEvent, LifecycleEvent

MS = 1_000_000
DOWN = (100, 160)
"""The outage, unless a test says otherwise."""


def event(change: GuestEvent, at_ms: float) -> LifecycleEvent:
    return LifecycleEvent(uuid="u", change=change, at_ns=round(at_ms * MS))


def refused(at_ms: float) -> Sample:
    return Sample(sent_ns=round(at_ms * MS), outcome=ProbeFate.REFUSED, round_trip_ns=MS)


def told(
    source: list[tuple[GuestEvent, float]], destination: list[tuple[GuestEvent, float]], *, moved: bool = True
) -> Told:
    return Told(source=[event(*one) for one in source], destination=[event(*one) for one in destination], moved=moved)


def split(of: Told, *samples: Sample, down: tuple[float, float] = DOWN) -> Attribution:
    began_ns, ended_ns = (round(at_ms * MS) for at_ms in down)
    outage = Outage(
        last_answered_ns=began_ns,
        first_lost_ns=began_ns,
        last_lost_ns=ended_ns,
        first_answered_ns=ended_ns,
        up_by_ns=ended_ns,
        lower_ns=ended_ns - began_ns,
        span_ns=ended_ns - began_ns,
        kinds=(Kind.SILENT,),
    )
    measurement = Measurement(status=MeasurementStatus.MEASURED, downtime_ms=(ended_ns - began_ns) / MS)
    found = attribute(measurement, outage, samples, of)
    assert found is not None
    return found


def parts(of: Attribution) -> tuple[float, float, float, float]:
    return of.guest_ms, of.network_ms, of.service_ms, of.unknown_ms


LIVE = told(
    [(GuestEvent.SUSPENDED, 103), (GuestEvent.STOPPED, 200)], [(GuestEvent.INCOMING, 10), (GuestEvent.RESUMED, 140)]
)


def test_a_live_move_is_pause_then_network() -> None:
    assert parts(split(LIVE)) == (37, 3 + 20, 0, 0)


def test_from_the_first_refused_probe_on_only_the_service_is_missing() -> None:
    assert parts(split(LIVE, refused(150))) == (37, 3 + 10, 10, 0)


def test_a_cold_move_is_shutting_down_then_off_then_booting() -> None:
    cold = told(
        [(GuestEvent.SHUT_DOWN, 120), (GuestEvent.STOPPED, 125)], [(GuestEvent.STARTED, 130), (GuestEvent.RESUMED, 131)]
    )
    assert parts(split(cold)) == (10, 0, 20 + 30, 0)


def test_a_pause_outside_the_outage_is_none_of_it() -> None:
    early = told([(GuestEvent.SUSPENDED, 50)], [(GuestEvent.RESUMED, 80)])
    assert parts(split(early)) == (0, 60, 0, 0)


def test_words_of_a_short_pause_that_come_in_the_wrong_order_are_no_missing_ones() -> None:
    crossed = told([(GuestEvent.SUSPENDED, 121), (GuestEvent.STOPPED, 180)], [(GuestEvent.RESUMED, 120)])
    assert parts(split(crossed)) == (0, 60, 0, 0)


def test_a_guest_that_stood_still_twice() -> None:
    twice = told(
        [(GuestEvent.SUSPENDED, 105), (GuestEvent.RESUMED, 115), (GuestEvent.SUSPENDED, 120)],
        [(GuestEvent.RESUMED, 150)],
    )
    assert parts(split(twice)) == (10 + 30, 5 + 5 + 10, 0, 0)


def test_a_move_that_failed_may_have_paused_its_guest_or_not() -> None:
    assert parts(split(told([], [], moved=False), refused(110))) == (0, 10, 50, 0)
    assert parts(split(told([(GuestEvent.SUSPENDED, 110), (GuestEvent.RESUMED, 130)], [], moved=False))) == (
        20,
        40,
        0,
        0,
    )


@pytest.mark.parametrize(
    ("of", "expected", "silent"),
    [
        (told([(GuestEvent.SUSPENDED, 110)], []), (0, 10, 0, 50), "destination"),
        (told([], [(GuestEvent.INCOMING, 10), (GuestEvent.RESUMED, 140)]), (0, 20, 0, 40), "source"),
        (
            told([(GuestEvent.SHUT_DOWN, 150), (GuestEvent.STOPPED, 151)], [(GuestEvent.RESUMED, 140)]),
            (0, 20, 0, 40),
            "source",
        ),
        (told([], []), (0, 0, 0, 60), "destination"),
    ],
)
def test_what_no_host_told_is_unknown(of: Told, expected: tuple[float, ...], silent: str) -> None:
    found = split(of)
    assert parts(found) == expected
    assert f"the {silent} did not tell" in found.unknown_because


def test_nothing_lost_is_nothing_to_split_and_nothing_measured_no_split() -> None:
    none_seen = Measurement(status=MeasurementStatus.MEASURED, downtime_ms=0)
    assert attribute(none_seen, None, (), LIVE) == Attribution()
    held_up = Measurement(status=MeasurementStatus.MEASURED, downtime_ms=500)
    assert attribute(held_up, None, (), LIVE) == Attribution(
        unknown_ms=500, unknown_because="nothing was probed for a while"
    )
    assert attribute(Measurement(status=MeasurementStatus.UNMEASURED), None, (), LIVE) is None


MOMENTS = st.integers(0, 300 * MS)
EVENTS = st.lists(st.tuples(st.sampled_from(GuestEvent), MOMENTS.map(lambda at_ns: at_ns / MS)), max_size=6)


@given(source=EVENTS, destination=EVENTS, moved=st.booleans(), down=st.tuples(MOMENTS, MOMENTS), answered=MOMENTS)
def test_the_parts_always_add_up(
    source: list[tuple[GuestEvent, float]],
    destination: list[tuple[GuestEvent, float]],
    down: tuple[int, int],
    answered: int,
    *,
    moved: bool,
) -> None:
    began_ms, ended_ms = sorted(at_ns / MS for at_ns in down)
    found = parts(split(told(source, destination, moved=moved), refused(answered / MS), down=(began_ms, ended_ms)))
    assert sum(round(part * MS) for part in found) == round((ended_ms - began_ms) * MS)
    assert all(part >= 0 for part in found)
