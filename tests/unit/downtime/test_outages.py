"""Which stretches of samples are outages, and how tightly they are bound."""

from dataclasses import replace
from random import Random

import pytest
from probe_simulation import Fate, KnownOutage, answered, every, lost, ns, probe, refused

from ferryman.downtime.outages import find_outages, longest_hidden_ns
from ferryman.downtime.patience import Patience, patience_of
from ferryman.downtime.values import Kind, ProbeFate, Sample

PATIENCE = Patience(prompt_ns=ns(25), quick_ns=ns(25), in_time_ns=ns(50))


def test_a_service_that_always_answers_has_no_outage() -> None:
    assert find_outages(probe(every(10, until=1000)), PATIENCE, interval_ns=ns(10)) == ()


def test_no_samples_hold_no_outage() -> None:
    assert find_outages([], PATIENCE, interval_ns=ns(10)) == ()


def test_lost_probes_bound_an_outage_from_both_sides() -> None:
    (outage,) = find_outages([answered(0), lost(10), lost(20), lost(30), answered(40, 2)], PATIENCE, interval_ns=ns(10))

    assert outage.lower_ns == ns(20)
    assert outage.upper_ns == ns(42)


def test_a_refusing_kernel_counts_as_down() -> None:
    (outage,) = find_outages([answered(0), refused(10), refused(20), answered(30)], PATIENCE, interval_ns=ns(10))

    assert (outage.lower_ns, outage.upper_ns) == (ns(10), ns(31))


def test_the_worked_example_of_a_guest_that_is_paused_while_its_network_queues() -> None:
    paused = KnownOutage(begin=21, end=130, fate=Fate.QUEUED)

    (outage,) = find_outages(probe(every(10, until=300), [paused]), PATIENCE, interval_ns=ns(10))

    assert outage.last_answered_ns == ns(20)
    assert outage.first_lost_ns == ns(30)
    assert outage.up_by_ns == ns(131)
    assert outage.upper_ns == ns(111)
    assert outage.lower_ns == ns(131 - 25 - 30)


def test_one_slow_answer_that_a_later_probe_overtook_is_jitter() -> None:
    assert (
        find_outages([answered(0), answered(10, 200), answered(20), answered(30)], PATIENCE, interval_ns=ns(10)) == ()
    )


def test_one_lost_probe_is_an_outage_that_may_have_been_a_moment() -> None:
    (outage,) = find_outages([answered(0), lost(10), answered(20)], PATIENCE, interval_ns=ns(10))

    assert outage.lower_ns == 0
    assert outage.upper_ns == ns(21)


def test_a_service_that_flaps_has_several_outages() -> None:
    outages = find_outages(
        [answered(0), lost(10), lost(20), answered(30), answered(40), lost(50), answered(60)],
        PATIENCE,
        interval_ns=ns(10),
    )

    assert [outage.upper_ns for outage in outages] == [ns(31), ns(21)]


def test_a_hole_in_the_schedule_is_not_bridged_by_the_lower_bound() -> None:
    held_up = [answered(0), lost(10), lost(20), lost(30), lost(500), lost(510), answered(520)]

    (outage,) = find_outages(held_up, PATIENCE, interval_ns=ns(10))

    assert outage.lower_ns == ns(20 + 10)
    assert outage.upper_ns == ns(521)
    assert outage.midpoint_ns == ns((500 + 521) / 2)


def blind(sample: Sample) -> Sample:
    return replace(sample, blind=True)


def test_probes_that_wait_for_the_neighbour_table_show_absence_a_second_before_they_were_sent() -> None:
    waiting = [blind(lost(sent)) for sent in range(30, 3000, 10)]

    (outage,) = find_outages([answered(0), lost(10), lost(20), *waiting, answered(3000)], PATIENCE, interval_ns=ns(10))

    assert outage.lower_ns == ns(2990 - 1050 - 10)
    assert outage.upper_ns == ns(3001)


def test_an_answer_that_waited_for_the_neighbour_table_does_not_show_when_the_service_came_back() -> None:
    late = [blind(answered(sent, 1005 - sent)) for sent in range(30, 1000, 10)]

    (outage,) = find_outages([answered(0), lost(10), lost(20), *late, answered(1010)], PATIENCE, interval_ns=ns(10))

    assert outage.lower_ns == ns(10)
    assert outage.upper_ns == ns(1005)


@pytest.mark.parametrize(
    ("bad", "kinds"),
    [
        ([lost(10), lost(20)], (Kind.SILENT,)),
        ([refused(10), lost(20), refused(30)], (Kind.REFUSED, Kind.SILENT)),
        ([replace(lost(10), outcome=ProbeFate.UNREACHABLE)], (Kind.UNREACHABLE,)),
        ([replace(lost(10), outcome=ProbeFate.RESET)], (Kind.RESET,)),
        ([answered(10, 300), answered(20, 290)], (Kind.SILENT,)),
    ],
)
def test_an_outage_says_how_it_showed_itself(bad: list[Sample], kinds: tuple[Kind, ...]) -> None:
    (outage,) = find_outages([answered(0), *bad, answered(320)], PATIENCE, interval_ns=ns(10))

    assert outage.kinds == kinds


def test_an_answer_kept_waiting_for_the_end_of_an_outage_is_no_proof_of_its_beginning() -> None:
    samples = [answered(0), answered(10, 300), lost(200), lost(210), answered(320)]

    (outage,) = find_outages(samples, PATIENCE, interval_ns=ns(10))

    assert outage.last_answered_ns == ns(0)
    assert outage.up_by_ns == ns(310)


def test_an_outage_that_lasts_to_the_end_has_no_upper_bound() -> None:
    (outage,) = find_outages([answered(0), lost(10), lost(20)], PATIENCE, interval_ns=ns(10))

    assert outage.lower_ns == ns(10)
    assert outage.upper_ns is None
    assert outage.first_answered_ns is None


def test_without_an_answered_probe_before_it_an_outage_has_no_beginning() -> None:
    with pytest.raises(ValueError, match="begin with the last answered one"):
        find_outages([lost(0), answered(10)], PATIENCE, interval_ns=ns(10))


def test_two_seconds_without_a_probe_may_hide_two_seconds_of_outage() -> None:
    assert longest_hidden_ns([answered(0), answered(10), answered(2010), answered(2020)]) == ns(2001)


def test_nothing_hides_where_nothing_was_answered() -> None:
    assert longest_hidden_ns([lost(0), lost(10)]) == 0


def test_patience_follows_a_slow_baseline_and_never_goes_below_the_floor() -> None:
    assert patience_of(probe(every(10, until=1000)), interval_ns=ns(10)).prompt_ns == ns(25)
    assert patience_of(probe(every(10, until=1000), round_trip=lambda _: 60), interval_ns=ns(10)).in_time_ns == ns(120)


def test_one_stall_in_a_long_baseline_does_not_blunt_the_limit() -> None:
    stalled_once = [*probe(every(10, until=3000)), answered(3000, 700)]

    assert patience_of(stalled_once, interval_ns=ns(10)).prompt_ns == ns(25)


QUIET = patience_of(probe(every(5, until=100), round_trip=lambda _: 0.5), interval_ns=ns(5))


@pytest.mark.parametrize("stopped_ms", [13, 20, 45, 100, 500])
@pytest.mark.parametrize("phase_ms", [0.1, 2.5, 4.9])
def test_probes_that_a_guest_lets_go_together_show_how_long_it_stood_still(stopped_ms: float, phase_ms: float) -> None:
    stopped = KnownOutage(begin=200 + phase_ms, end=200 + phase_ms + stopped_ms, fate=Fate.QUEUED)

    (outage,) = find_outages(probe(every(5, until=1000), [stopped], round_trip=lambda _: 0.5), QUIET, interval_ns=ns(5))

    assert outage.upper_ns is not None
    assert outage.midpoint_ns is not None
    assert outage.lower_ns <= ns(stopped_ms) <= outage.upper_ns
    assert outage.upper_ns - outage.lower_ns <= ns(2 * 5 + 0.5)
    assert abs(outage.midpoint_ns - ns(stopped_ms)) <= ns(5)


def test_a_guest_that_answers_what_waited_one_by_one_let_it_go_together() -> None:
    waited = [answered(200 + 5 * at, 100 - 4 * at) for at in range(20)]

    (outage,) = find_outages(
        [*probe(every(5, until=200)), *waited, *probe(every(5, start=300, until=400))], QUIET, interval_ns=ns(5)
    )

    assert outage.lower_ns >= ns(85)


def test_a_way_that_became_longer_is_no_outage() -> None:
    for longer in (6, 9, 20, 45):
        samples = probe(every(5, until=1000), round_trip=lambda sent, longer=longer: 0.5 if sent < 300 else longer)

        assert find_outages(samples, QUIET, interval_ns=ns(5)) == ()


def test_answers_that_the_baseline_has_as_late_are_no_outage() -> None:
    jitter = Random(1)
    samples = probe(every(5, until=20_000), round_trip=lambda _: jitter.uniform(0.2, 20))

    patience = patience_of(samples[:100], interval_ns=ns(5))

    assert find_outages(samples[100:], patience, interval_ns=ns(5)) == ()


@pytest.mark.parametrize("interval_ms", [50, 100, 500, 1000])
@pytest.mark.parametrize("late_ms", [60, 300, 800])
def test_one_late_answer_between_two_in_time_is_no_outage(interval_ms: float, late_ms: float) -> None:
    slow = {20 * interval_ms: late_ms}
    samples = probe(every(interval_ms, until=40 * interval_ms), round_trip=lambda sent: slow.get(sent, 1))

    patience = patience_of(samples[:12], interval_ns=ns(interval_ms))

    assert find_outages(samples, patience, interval_ns=ns(interval_ms)) == ()


def test_of_a_short_baseline_the_slowest_answer_counts() -> None:
    samples = probe(every(10, until=200), round_trip=lambda sent: 24 if sent == 50 else 4)

    assert patience_of(samples, interval_ns=ns(10)).in_time_ns == ns(48)


def test_a_cut_of_both_directions_takes_answers_on_their_way_and_is_bound_all_the_same() -> None:
    cut = KnownOutage(begin=205, end=300, fate=Fate.SEVERED)
    samples = probe(every(10, until=500), [cut], round_trip=lambda _: 24)
    patience = patience_of(samples[:15], interval_ns=ns(10))

    (outage,) = find_outages(samples, patience, interval_ns=ns(10))

    assert outage.upper_ns is not None
    assert outage.lower_ns <= ns(cut.length) <= outage.upper_ns


def test_an_outage_does_not_reach_back_into_the_one_before() -> None:
    first, again = (KnownOutage(begin=begin, end=begin + 300, fate=Fate.QUEUED) for begin in (202, 505))
    late = [answered(sent, 12) if 501 < sent < 506 else one for sent, one in _by_time(first, again)]

    *_, second = find_outages(late, QUIET, interval_ns=ns(5))

    assert second.upper_ns is not None
    assert second.upper_ns <= ns(300 + 60)


def _by_time(*outages: KnownOutage) -> list[tuple[float, Sample]]:
    slots = every(5, until=1000)
    return list(zip(slots, probe(slots, outages, round_trip=lambda _: 0.5), strict=True))


def worked_off(stops: list[tuple[float, float]], *, each_ms: float) -> list[Sample]:
    """Probes every 5 ms of a guest that stands still now and then, and answers what waited one by one, in order."""
    samples, free_ms = [], 0.0
    for sent_ms in every(5, until=1200):
        begun_ms = max(sent_ms, free_ms)
        for begin_ms, end_ms in stops:
            begun_ms = end_ms if begin_ms <= begun_ms < end_ms else begun_ms
        waited = begun_ms > sent_ms
        free_ms = begun_ms + each_ms if waited else sent_ms
        samples.append(answered(sent_ms, free_ms - sent_ms + 0.4))
    return samples


def test_answers_that_are_late_while_a_guest_works_off_what_waited_are_no_outage_of_their_own() -> None:
    samples = worked_off([(100, 600)], each_ms=0.25)
    assert any(sample.sent_ns > ns(605) and sample.round_trip_ns > ns(5.8) for sample in samples)

    (outage,) = find_outages(samples, patience_of(samples[:15], interval_ns=ns(5)), interval_ns=ns(5))

    assert ns(495) <= outage.lower_ns <= ns(500) <= outage.upper_ns <= ns(510)


def test_nor_where_it_answered_one_of_them_as_fast_as_ever_and_then_a_few_late_again() -> None:
    """Measured: 35 ms after its return an emulated guest answered within 1.8 ms, then within 4.0, 6.8 and 2.3."""
    by_ms = {640: 1.2, 645: 4.0, 650: 6.8, 655: 2.3}
    samples = [
        replace(sample, round_trip_ns=ns(by_ms.get(round(sample.sent_ns / ns(1)), sample.round_trip_ns / ns(1))))
        for sample in worked_off([(100, 600)], each_ms=0.35)
    ]
    is_late = [sample.sent_ns > ns(605) and sample.round_trip_ns > ns(5.8) for sample in samples]
    assert is_late[-1] is False
    assert any(is_late)

    assert len(find_outages(samples, patience_of(samples[:15], interval_ns=ns(5)), interval_ns=ns(5))) == 1


def test_but_a_guest_that_stands_still_again_meanwhile_has_two() -> None:
    samples = worked_off([(100, 600), (610, 700)], each_ms=0.25)

    first, second = find_outages(samples, patience_of(samples[:15], interval_ns=ns(5)), interval_ns=ns(5))

    assert first.lower_ns <= ns(500) <= first.upper_ns
    assert second.lower_ns <= ns(90) <= second.upper_ns
    assert second.midpoint_ns is not None
    assert second.lower_ns <= second.midpoint_ns <= second.upper_ns


def test_on_a_long_way_a_second_outage_is_found_that_is_hardly_longer_than_the_way() -> None:
    near = worked_off([(300, 600), (1000, 1150)], each_ms=0.01)
    samples = [replace(sample, round_trip_ns=sample.round_trip_ns + ns(99.6)) for sample in near]

    first, second = find_outages(samples, patience_of(samples[:50], interval_ns=ns(5)), interval_ns=ns(5))

    # The first answer takes 0.01 ms.
    assert first.lower_ns <= ns(300.01) <= first.upper_ns
    assert second.lower_ns <= ns(150.01) <= second.upper_ns
