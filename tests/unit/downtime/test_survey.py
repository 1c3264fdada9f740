"""All that a probe without a move has seen, summed up."""

from __future__ import annotations

from collections.abc import Sequence

from ferryman.downtime.survey import survey
from ferryman.downtime.values import Kind, Outcome, Sample

MS = 1_000_000
INTERVAL_MS = 10.0


def samples(*outcomes: Outcome) -> list[Sample]:
    """One probe every 10 ms, answered ones after 1 ms."""
    return [
        Sample(
            sent_ns=5 * MS + number * 10 * MS, outcome=outcome, round_trip_ns=MS if outcome is Outcome.ANSWERED else -1
        )
        for number, outcome in enumerate(outcomes)
    ]


UP = (Outcome.ANSWERED,) * 10


def lost(outcomes: Sequence[Outcome], kind: Outcome = Outcome.LOST) -> tuple[Outcome, ...]:
    return (*outcomes, *(kind,) * 5)


def test_a_service_that_answers_all_the_time_is_undisturbed() -> None:
    found = survey(samples(*UP), interval_ms=INTERVAL_MS)

    assert found.undisturbed
    assert (found.sent, found.lasted_ms, found.outages) == (10, 90.0, ())
    assert found.round_trips is not None
    assert (found.round_trips.lowest_ms, found.round_trips.median_ms, found.round_trips.highest_ms) == (1.0, 1.0, 1.0)


def test_outages_have_bounds_and_kinds_and_say_when() -> None:
    found = survey(samples(*lost(UP), *lost(UP, Outcome.REFUSED), *UP), interval_ms=INTERVAL_MS)

    silent, refused = found.outages
    assert (silent.began_ms, silent.lower_ms, silent.upper_ms) == (100.0, 40.0, 61.0)
    assert silent.kinds == (Kind.SILENT,)
    assert refused.kinds == (Kind.REFUSED,)
    assert found.outcomes == {Outcome.ANSWERED: 30, Outcome.REFUSED: 5, Outcome.LOST: 5}
    assert not found.undisturbed


def test_an_outage_that_is_not_over_has_no_upper_bound() -> None:
    found = survey(samples(*lost(UP)), interval_ms=INTERVAL_MS)

    assert [outage.upper_ms for outage in found.outages] == [None]


def test_what_was_before_the_first_answer_is_no_outage_and_not_undisturbed() -> None:
    found = survey(samples(*lost(()), *UP), interval_ms=INTERVAL_MS)

    assert (found.first_answer_ms, found.outages) == (50.0, ())
    assert not found.undisturbed


def test_where_nothing_ever_answered_nothing_can_be_told() -> None:
    found = survey(samples(*lost(())), interval_ms=INTERVAL_MS, missed=3)

    assert (found.first_answer_ms, found.round_trips, found.missed) == (None, None, 3)
    assert not found.undisturbed


def test_no_probe_at_all() -> None:
    assert not survey([], interval_ms=INTERVAL_MS).undisturbed
