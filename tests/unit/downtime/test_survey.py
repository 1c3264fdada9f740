"""All that a probe without a move has seen, summed up."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from probe_simulation import Fate, KnownOutage, every, probe

from ferryman.downtime.survey import Survey, survey
from ferryman.downtime.values import Kind, ProbeFate, Sample

MS = 1_000_000
INTERVAL_MS = 10.0


def samples(*outcomes: ProbeFate) -> list[Sample]:
    """One probe every 10 ms, answered ones after 1 ms."""
    return [
        Sample(
            sent_ns=5 * MS + number * 10 * MS,
            outcome=outcome,
            round_trip_ns=MS if outcome is ProbeFate.ANSWERED else -1,
        )
        for number, outcome in enumerate(outcomes)
    ]


UP = (ProbeFate.ANSWERED,) * 10


def lost(outcomes: Sequence[ProbeFate], kind: ProbeFate = ProbeFate.LOST) -> tuple[ProbeFate, ...]:
    return (*outcomes, *(kind,) * 5)


def test_a_service_that_answers_all_the_time_is_undisturbed() -> None:
    found = survey(samples(*UP), interval_ms=INTERVAL_MS)

    assert found.undisturbed
    assert (found.sent, found.lasted_ms, found.outages) == (10, 90.0, ())
    assert found.round_trips is not None
    assert (found.round_trips.lowest_ms, found.round_trips.median_ms, found.round_trips.highest_ms) == (1.0, 1.0, 1.0)


def test_outages_have_bounds_and_kinds_and_say_when() -> None:
    found = survey(samples(*lost(UP), *lost(UP, ProbeFate.REFUSED), *UP), interval_ms=INTERVAL_MS)

    silent, refused = found.outages
    assert (silent.began_ms, silent.lower_ms, silent.upper_ms) == (100.0, 39.0, 61.0)
    assert silent.kinds == (Kind.SILENT,)
    assert refused.kinds == (Kind.REFUSED,)
    assert found.outcomes == {ProbeFate.ANSWERED: 30, ProbeFate.REFUSED: 5, ProbeFate.LOST: 5}
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


def seen_of(stopped: KnownOutage, *, until: float) -> Survey:
    return survey(probe(every(10, until=until), [stopped], round_trip=lambda _: 0.5), interval_ms=INTERVAL_MS)


@pytest.mark.parametrize(("stopped_ms", "until"), [(30, 5000), (500, 10_000), (2000, 20_000), (60_000, 120_000)])
def test_a_guest_that_stood_still_and_answers_late_has_an_outage_of_that_length(
    stopped_ms: float, until: float
) -> None:
    found = seen_of(KnownOutage(begin=3003, end=3003 + stopped_ms, fate=Fate.QUEUED), until=until)

    (outage,) = found.outages
    assert outage.upper_ms is not None
    assert outage.lower_ms <= stopped_ms <= outage.upper_ms <= outage.lower_ms + 2 * INTERVAL_MS + 1
    assert not found.undisturbed


def test_an_outage_at_the_beginning_of_a_short_look_is_no_less_one() -> None:
    found = seen_of(KnownOutage(begin=103, end=303, fate=Fate.QUEUED), until=800)

    assert [outage.lower_ms <= 200 <= (outage.upper_ms or 0) for outage in found.outages] == [True]


def test_time_in_which_nobody_looked_is_told_and_not_undisturbed() -> None:
    schedule = [slot for slot in every(10, until=2000) if not 500 < slot < 1000]

    found = survey(probe(schedule), interval_ms=INTERVAL_MS)

    assert (found.outages, found.longest_unseen_ms, found.missed) == ((), 501.0, 49)
    assert not found.undisturbed


def test_two_slots_that_a_busy_machine_held_up_are_told_and_disturb_nothing() -> None:
    schedule = [slot for slot in every(10, until=2000) if not 500 < slot < 530]

    found = survey(probe(schedule), interval_ms=INTERVAL_MS)

    assert (found.longest_unseen_ms, found.missed) == (31.0, 2)
    assert found.undisturbed
