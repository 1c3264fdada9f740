"""From samples to a measurement: bounds that hold the truth, and never a silent 0."""

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from probe_simulation import TARGET, Fate, KnownOutage, answered, every, lost, ns, probe

from ferryman.downtime.measuring import MOST_LISTED, apportion, measure, unmeasured
from ferryman.downtime.values import Kind, Measurement, MeasurementStatus, Sample

BEGAN = 500
ENDED = 5000


def measured(samples: list[Sample], *, ended: float = ENDED, failure: str | None = None) -> Measurement:
    return measure(samples, target=TARGET, baseline_until_ns=ns(BEGAN), ended_ns=ns(ended), failure=failure)


def figures(found: Measurement) -> tuple[float, float, float]:
    """Lower bound, downtime, upper bound."""
    assert found.downtime_lower_ms is not None
    assert found.downtime_ms is not None
    assert found.downtime_upper_ms is not None
    return found.downtime_lower_ms, found.downtime_ms, found.downtime_upper_ms


@st.composite
def known_outages(draw: st.DrawFn) -> list[KnownOutage]:
    """Up to four outages of 1 ms to 700 ms, at least 60 ms apart, all within the probed time."""
    outages = []
    begin = BEGAN + draw(st.floats(30, 300))
    for fate in draw(st.lists(st.sampled_from(Fate), max_size=4)):
        outages.append(KnownOutage(begin=begin, end=begin + draw(st.floats(1, 700)), fate=fate))
        begin = outages[-1].end + draw(st.floats(60, 300))
    return outages


@st.composite
def schedules(draw: st.DrawFn) -> list[float]:
    """Every 3 ms to 40 ms, with up to two stretches in which the prober itself was held up."""
    slots = every(draw(st.sampled_from([5, 10, 40])), until=ENDED)
    held_up = [(begin, begin + draw(st.floats(20, 1000))) for begin in draw(st.lists(st.floats(600, 3500), max_size=2))]
    return [slot for slot in slots if not any(begin <= slot < end for begin, end in held_up)]


def merged_lengths(outages: list[KnownOutage], schedule: list[float]) -> list[float]:
    """How long the service was away, taking outages between which no probe was sent for one."""
    lengths: list[float] = []
    for at, outage in enumerate(outages):
        if at and not any(outages[at - 1].end <= slot < outage.begin for slot in schedule):
            lengths[-1] += outage.length
        else:
            lengths.append(outage.length)
    return lengths


@settings(deadline=None)
@given(schedules(), known_outages(), st.integers(0, 2**32))
def test_the_longest_true_outage_lies_within_the_bounds(
    schedule: list[float], outages: list[KnownOutage], seed: int
) -> None:
    jitter = Random(seed)
    samples = probe(schedule, outages, round_trip=lambda _: jitter.uniform(0.1, 25))

    found = measured(samples)

    longest = max((outage.length for outage in outages), default=0)
    assert found.status is MeasurementStatus.MEASURED
    lower, _, upper = figures(found)
    assert lower - 0.001 <= max(merged_lengths(outages, schedule), default=0)
    assert longest <= upper + 0.001


@settings(deadline=None)
@given(schedules(), known_outages())
def test_bounds_are_ordered_and_never_a_silent_zero(schedule: list[float], outages: list[KnownOutage]) -> None:
    found = measured(probe(schedule, outages))

    lower, downtime, upper = figures(found)
    assert 0 <= lower <= downtime <= upper
    assert upper > 0


@given(st.floats(5, 2000))
def test_a_fast_network_and_a_regular_schedule_bind_a_drop_to_two_intervals(length: float) -> None:
    dropped = KnownOutage(begin=1003, end=1003 + length)

    found = measured(probe(every(10, until=ENDED), [dropped]))

    lower, _, upper = figures(found)
    assert upper - length <= 22
    assert length - lower <= 20


@given(st.floats(20, 2000), st.floats(0, 30), st.floats(0, 30))
def test_however_late_its_probes_the_slots_missed_say_how_far_its_bounds_are_apart(
    length: float, cut_late: float, healed_late: float
) -> None:
    dropped = KnownOutage(begin=1503, end=1503 + length)
    sent = [0.0]
    while sent[-1] < ENDED:
        next_slot = sent[-1] + 9
        held_up = [
            late for at, late in ((dropped.begin, cut_late), (dropped.end, healed_late)) if sent[-1] < at <= next_slot
        ]
        sent.append(next_slot + sum(held_up))

    found = measured(probe(sent, [dropped]))

    lower, _, upper = figures(found)
    assert upper - lower <= (2 + found.missed) * 10 + 2 * (found.baseline_round_trip_max_ms or 0) + 0.001


@given(st.lists(st.booleans(), min_size=1, max_size=200), st.floats(0.1, 800))
def test_any_pattern_of_answers_gives_a_terminal_status(pattern: list[bool], round_trip: float) -> None:
    samples = probe(every(10, until=BEGAN))
    samples += [answered(BEGAN + 10 * at, round_trip) if up else lost(BEGAN + 10 * at) for at, up in enumerate(pattern)]

    found = measured(samples, ended=BEGAN + 10 * len(pattern))

    assert found.status is not MeasurementStatus.UNMEASURED
    assert found.downtime_lower_ms is not None
    assert found.downtime_lower_ms >= 0


def test_an_outage_that_a_prober_held_up_may_have_missed_is_not_called_0() -> None:
    schedule = [slot for slot in every(10, until=ENDED) if not 1000 < slot < 1300]

    found = measured(probe(schedule, [KnownOutage(begin=1010, end=1290)]))

    assert found.outages == 0
    assert figures(found) == (0, 150.5, 301)


def test_each_outage_is_listed_and_the_list_is_bounded() -> None:
    outages = [KnownOutage(begin=600 + 100 * at, end=631 + 100 * at + at, fate=Fate.REFUSED) for at in range(30)]

    found = measured(probe(every(10, until=ENDED), outages))

    assert found.outages == 30
    assert len(found.outage_list) == MOST_LISTED
    assert found.kinds == (Kind.REFUSED,)
    began = [outage.began_ms for outage in found.outage_list]
    assert began == sorted(began)
    assert found.outage_list[-1].upper_ms == 71
    assert found.outage_list[-1].kinds == (Kind.REFUSED,)


def test_no_outage_reports_what_may_hide_between_probes() -> None:
    found = measured(probe(every(10, until=ENDED)))

    assert found.downtime_ms == 0
    assert found.downtime_upper_ms == 11
    assert found.outages == 0


def test_a_prober_held_up_during_the_move_widens_the_upper_bound() -> None:
    schedule = [slot for slot in every(10, until=ENDED) if not 1000 < slot < 3000]

    found = measured(probe(schedule, [KnownOutage(begin=4000, end=4060)]))

    assert found.downtime_upper_ms == 2001
    assert 50 <= figures(found)[1] <= 71


def test_the_longest_of_several_outages_is_the_downtime_and_all_are_counted() -> None:
    found = measured(
        probe(every(10, until=ENDED), [KnownOutage(begin=1000, end=1100), KnownOutage(begin=2000, end=2300)])
    )

    assert found.outages == 2
    assert (found.downtime_lower_ms, found.downtime_upper_ms) == (289, 311)
    assert (found.total_outage_lower_ms, found.total_outage_upper_ms) == (89 + 289, 111 + 311)
    assert found.total_outage_ms == (90 + 111 + 290 + 311) / 2
    assert found.lost == 40


def test_a_service_that_does_not_come_back_has_only_a_lower_bound() -> None:
    found = measured(probe(every(10, until=ENDED), [KnownOutage(begin=4000, end=ENDED + 1)]))

    assert found.status is MeasurementStatus.NOT_BACK
    assert found.downtime_lower_ms == 989
    assert found.downtime_ms is None
    assert found.downtime_upper_ms is None
    assert "runs in the guest" in found.reason


@pytest.mark.parametrize(
    ("samples", "reason"),
    [
        ([], "no probe was answered before the move"),
        (probe(every(10, until=ENDED), [KnownOutage(begin=0, end=ENDED)]), "set [probe] address and port"),
        (probe(every(10, until=ENDED, start=BEGAN - 90)), "9 probes before the move, 10 are needed"),
        (probe(every(10, until=ENDED), [KnownOutage(begin=460, end=480)]), "2 of the last 10 probes"),
        (probe(every(10, until=ENDED - 2500)), "sent nothing for the last 2510 ms"),
    ],
)
def test_without_a_clean_baseline_or_to_the_end_it_says_unmeasured_and_why(samples: list[Sample], reason: str) -> None:
    found = measured(samples)

    assert found.status is MeasurementStatus.UNMEASURED
    assert found.downtime_ms is None
    assert reason in found.reason


def test_a_prober_that_died_leaves_the_move_unmeasured() -> None:
    found = measured(probe(every(10, until=ENDED)), failure="the prober ended by itself: killed")

    assert found.status is MeasurementStatus.UNMEASURED
    assert "killed" in found.reason


def test_an_old_disturbance_of_the_baseline_does_not_matter() -> None:
    found = measured(probe(every(10, until=ENDED), [KnownOutage(begin=100, end=200)]))

    assert found.status is MeasurementStatus.MEASURED
    assert found.outages == 0


def test_a_slow_first_contact_makes_no_later_answer_late_and_no_bound_loose() -> None:
    """The first probes waited 400 ms for the address to be found; from then on an answer took 1 ms."""
    first = [replace(sample, round_trip_ns=ns(400) - sample.sent_ns) for sample in probe(every(10, until=400), [])]
    cut = KnownOutage(begin=1003, end=1303, fate=Fate.DROPPED)
    then = [sample for sample in probe(every(10, until=2000), [cut]) if sample.sent_ns >= ns(400)]
    lower, _, upper = figures(measured([*first, *then], ended=2000))
    assert 300 - 22 <= lower <= 300 <= upper <= 300 + 22


def test_the_measurement_names_what_it_was_measured_with() -> None:
    found = measured(probe(every(10, until=ENDED), round_trip=lambda sent: 30 if sent == 0 else 2))

    assert (found.address, found.port, found.interval_ms) == (TARGET.address, TARGET.port, TARGET.interval_ms)
    assert (found.samples, found.baseline_samples) == (500, 50)
    assert (found.baseline_round_trip_median_ms, found.baseline_round_trip_max_ms) == (2, 30)
    assert found.in_time_ms == 2 + 10


def test_what_users_felt_beyond_the_pause_is_the_networks_and_the_services_share() -> None:
    found = measured(probe(every(10, until=ENDED), [KnownOutage(begin=1000, end=1100)]))

    assert apportion(found, 80) == pytest.approx(figures(found)[1] - 80)
    assert apportion(replace(found, downtime_ms=None), 80) is None


def test_a_vm_without_an_address_is_unmeasured() -> None:
    found = unmeasured(None, "no address is known: set [probe] address")

    assert found.status is MeasurementStatus.UNMEASURED
    assert found.downtime_ms is None


def test_a_cut_while_disks_are_copied_counts() -> None:
    cut = KnownOutage(begin=1000, end=2500, fate=Fate.SEVERED)

    found = measure(
        probe(every(10, until=ENDED), [cut]),
        target=TARGET,
        baseline_until_ns=ns(BEGAN),
        usual_until_ns=ns(4000),
        ended_ns=ns(ENDED),
    )

    lower, downtime, upper = figures(found)
    assert found.status is MeasurementStatus.MEASURED
    assert lower <= cut.length <= upper
    assert abs(downtime - cut.length) <= 10


def test_a_cut_that_is_on_at_the_last_look_before_the_switch_is_measured() -> None:
    cut = KnownOutage(begin=1000, end=2500, fate=Fate.QUEUED)

    found = measure(
        probe(every(10, until=ENDED), [cut]),
        target=TARGET,
        baseline_until_ns=ns(BEGAN),
        usual_until_ns=ns(2000),
        ended_ns=ns(ENDED),
    )

    lower, _, upper = figures(found)
    assert found.status is MeasurementStatus.MEASURED
    assert lower <= cut.length <= upper


@pytest.mark.parametrize("restarted_ms", [60, 70, 500])
def test_a_prober_that_was_started_anew_never_makes_the_downtime_0(restarted_ms: float) -> None:
    schedule = [slot for slot in every(10, until=ENDED) if not 1000 < slot < 1000 + restarted_ms]

    found = measured(probe(schedule))

    _, downtime, upper = figures(found)
    assert 0 < downtime < upper == restarted_ms + 1
    assert found.total_outage_ms is not None
    assert found.total_outage_upper_ms is not None
    assert downtime <= found.total_outage_ms <= found.total_outage_upper_ms
    assert found.missed == restarted_ms / 10 - 1


@settings(deadline=None)
@given(st.sampled_from([5, 10, 40]), st.lists(st.tuples(st.sampled_from(Fate), st.floats(100, 700)), max_size=4))
def test_all_outages_together_lie_within_the_bounds_of_their_sum(interval: int, cuts: list[tuple[Fate, float]]) -> None:
    outages = [
        KnownOutage(begin=700 + 1000 * at, end=700 + 1000 * at + long, fate=fate)
        for at, (fate, long) in enumerate(cuts)
    ]

    found = measure(
        probe(every(interval, until=ENDED), outages),
        target=replace(TARGET, interval_ms=interval),
        baseline_until_ns=ns(BEGAN),
        ended_ns=ns(ENDED),
    )

    assert found.outages == len(outages)
    assert found.total_outage_lower_ms is not None
    assert found.total_outage_upper_ms is not None
    truth = sum(outage.length for outage in outages)
    assert found.total_outage_lower_ms - 0.001 <= truth <= found.total_outage_upper_ms + 0.001
    assert figures(found)[1] <= (found.total_outage_ms or 0) <= found.total_outage_upper_ms


@settings(deadline=None)
@given(
    st.sampled_from([1, 5, 10, 100, 1000]),
    st.sampled_from(Fate),
    st.floats(1, 900),
    st.floats(0, 1),
    st.floats(0.1, 12),
    st.integers(0, 2**32),
)
def test_whatever_the_interval_and_the_cut_the_truth_lies_within_the_bounds(
    interval: int, fate: Fate, length: float, at: float, round_trip: float, seed: int
) -> None:
    began = 130 * interval
    begin = began + 15 + at * interval
    cut = KnownOutage(begin=begin, end=begin + length, fate=fate)
    jitter = Random(seed)
    schedule = every(interval, until=cut.end + 120 * interval)

    found = measure(
        probe(schedule, [cut], round_trip=lambda _: round_trip * jitter.uniform(0.8, 1.2)),
        target=replace(TARGET, interval_ms=interval),
        baseline_until_ns=ns(began),
        ended_ns=ns(schedule[-1]),
    )

    lower, downtime, upper = figures(found)
    assert lower - 0.001 <= length <= upper + 0.001
    assert lower <= downtime <= upper


def test_a_probe_that_was_on_its_way_when_the_guest_stood_still_is_not_what_is_usual() -> None:
    samples = [sample for sample in probe(every(10, until=ENDED)) if not ns(490) <= sample.sent_ns < ns(600)]
    samples += [answered(sent, 600 - sent) for sent in every(10, start=490, until=600)]

    found = measured(sorted(samples, key=lambda sample: sample.sent_ns))

    lower, _, upper = figures(found)
    assert found.outages == 1
    assert lower <= 100 <= upper
    assert found.in_time_ms == 11
