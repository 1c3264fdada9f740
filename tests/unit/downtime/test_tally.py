"""What a running probe says of the service at any moment."""

from probe_simulation import answered, lost, ns

from ferryman.downtime.tally import Tally
from ferryman.downtime.values import Sample, ServiceState


def tally_of(*samples: Sample) -> Tally:
    tally = Tally(interval_ns=ns(10))
    for sample in samples:
        tally.add(sample)
    return tally


def test_before_any_answer_nothing_is_known() -> None:
    assert tally_of().view(ns(500)).state is ServiceState.UNKNOWN


def test_answers_mean_up_since_the_first_of_them() -> None:
    view = tally_of(answered(0), answered(10, 3)).view(ns(20))

    assert (view.state, view.since_ns) == (ServiceState.UP, 0)
    assert view.last_round_trip_ms == 3


def test_silence_is_down_long_before_the_probes_are_given_up() -> None:
    view = tally_of(answered(0), answered(10)).view(ns(200))

    assert (view.state, view.since_ns) == (ServiceState.DOWN, ns(10))


def test_a_lost_probe_that_is_reported_after_later_answers_does_not_mean_down() -> None:
    view = tally_of(answered(0), answered(20), answered(30), lost(10)).view(ns(40))

    assert (view.state, view.since_ns) == (ServiceState.UP, ns(20))
    assert (view.answered, view.lost) == (3, 1)


def test_probes_that_could_not_be_sent_are_counted_apart() -> None:
    tally = tally_of(answered(0))
    tally.add_not_sent(ns(10), 1)

    assert (tally.view(ns(1)).not_sent, tally.view(ns(1)).lost) == (1, 0)


def test_a_row_of_answers_counts_only_what_was_sent_after_the_question() -> None:
    tally = tally_of(*(answered(sent) for sent in range(0, 100, 10)))

    assert tally.answered_in_a_row(after_ns=ns(45)).count == 5


def test_a_row_is_broken_by_a_lost_probe_and_by_one_still_in_flight() -> None:
    assert tally_of(answered(0), lost(10), answered(20)).answered_in_a_row(after_ns=-1).count == 1
    assert tally_of(answered(0), answered(10), answered(50), answered(60)).answered_in_a_row(after_ns=-1).count == 2


def test_answers_that_come_out_of_order_are_still_a_row() -> None:
    assert tally_of(answered(20), answered(0, 40), answered(10)).answered_in_a_row(after_ns=-1).count == 3


def test_a_row_is_not_broken_where_the_prober_was_held_up() -> None:
    tally = tally_of(answered(0), answered(10), answered(200), answered(210))
    tally.add_not_sent(ns(20), 18)

    assert tally.answered_in_a_row(after_ns=-1).count == 4


def test_a_row_of_a_minute_is_judged_as_one_of_a_moment_is() -> None:
    row = tally_of(*(answered(sent) for sent in range(0, 61_000, 10))).answered_in_a_row(after_ns=-1)

    assert (row.count, row.lasted_ns) == (6100, ns(60_990))
