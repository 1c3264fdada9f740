"""Samples in, outages out: pure.

What one probe proves, sent at `s`:

- answered after a round trip `r`: the service answered at some moment between `s` and `s + r`;
- lost, refused, unreachable or reset: a client that called at `s` got no service;
- answered, but later than a service that is up takes (`Patience.in_time_ns`): perhaps its SYN waited in a queue while
  nothing answered, and its answer says when that ended. That is so where probes sent at different times were answered
  at about the same one (*released* together). A late answer by itself is jitter, no outage.

So an outage begins after the last probe answered in time was sent, and is over when the first answer comes to
any probe that was sent after it began. Worked example, in ms: probes every 10, round trips 1, limit 50;
nothing answers from 21 until 130, and SYNs wait in a queue meanwhile. The probes sent at 30 … 80 are answered
at 131, too late; those sent at 90 … 130 are answered then too, in time though sent during the outage. Last
answered: 20. First lost: 30. Up by: 131. Upper bound: 131 - 20 = 111; the truth is 109. Taking when the first
probe that was answered in time was *sent*, 90, would have said 70.

A probe that was *blind* waited in this machine's neighbour table, which asks for a lost address once a second
(`BLIND_NS`): it shows only that nothing answered a second before it was sent. The first of an outage asks at once.

Outages between which no probe was answered are one: its bounds are those of the time without service in it.

A probe is lost where its SYN or its answer is. So the first lost one may have been sent a round trip before a cut of
both directions, and the lower bound of a silent outage is shorter by the slowest that was usual.

Assumed: packets are not reordered on their way to the service.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import assert_never

from ferryman.downtime.late_answers import Silence, are_released, is_bad, is_busy, is_jitter, longest_silence
from ferryman.downtime.patience import Patience
from ferryman.downtime.values import Kind, Outage, ProbeFate, Sample

BLIND_NS = 1_050_000_000
"""Linux asks again for a neighbour's address after `retrans_time_ms`, 1 s unless it is lowered; and some more."""
HOLE_INTERVALS = 2.5
"""Two probes further apart than this: the prober was held up. Nothing is known of the time between them."""


def find_outages(samples: Sequence[Sample], patience: Patience, *, interval_ns: int) -> tuple[Outage, ...]:
    """The outages among `samples`, which are in the order of sending; the first must have been answered.

    Raises ValueError where it was not: without it an outage has no beginning.
    """
    if not samples:
        return ()
    if samples[0].outcome is not ProbeFate.ANSWERED:
        raise ValueError("the first sample was not answered: begin with the last answered one of the baseline")
    outages: list[Outage] = []
    earliest = earliest_answers(samples)
    begin = 1
    while (first := _next_bad(samples, begin, patience)) is not None:
        outage = _outage_at(samples, first, earliest[first], patience, interval_ns)
        during = _sent_during(samples, first, outage.up_by_ns)
        is_one = not is_jitter(during, outage, patience)
        if outages:
            outage = _begun_after(outages[-1], outage, patience)
        if is_one and outages and is_busy(samples, first, outages[-1], patience):
            silence = longest_silence(samples, first, during)
            if silence is not None:
                outage = _within(silence, outage, during, patience)
                is_one = silence.lasted_ns > patience.pause_ns
        if is_one:
            outages.append(outage)
        if outage.up_by_ns is None:
            break
        begin = _first_sent_after(samples, first + 1, outage.up_by_ns)
    return tuple(outages)


def _begun_after(before: Outage, outage: Outage, patience: Patience) -> Outage:
    """The answer that ended the outage before shows that it was up then, also where many waited to be answered."""
    up_ns = 0 if before.up_by_ns is None else before.up_by_ns - patience.prompt_ns
    return replace(outage, last_answered_ns=max(outage.last_answered_ns, min(up_ns, outage.first_lost_ns)))


def _within(silence: Silence, outage: Outage, during: Sequence[Sample], patience: Patience) -> Outage:
    """An outage of late answers cannot reach further than the time without any."""
    surely_ns = max(0, silence.lasted_ns - patience.quick_ns - patience.trip_ns)
    waited = [sample.sent_ns for sample in during if sample.sent_ns < silence.over_ns]
    return replace(
        outage,
        last_answered_ns=max(outage.last_answered_ns, min(silence.began_ns - patience.trip_ns, outage.first_lost_ns)),
        last_lost_ns=max(waited, default=outage.first_lost_ns),
        up_by_ns=silence.over_ns,
        lower_ns=min(outage.lower_ns, surely_ns),
        span_ns=min(outage.span_ns, silence.lasted_ns),
    )


def longest_hidden_ns(samples: Sequence[Sample]) -> int:
    """The longest outage that could hide between two answered probes, in ns.

    It may begin once the earlier one was sent and ends by the first answer to any later one. Where the
    prober was held up and sent nothing for two seconds, this is two seconds.
    """
    earliest = earliest_answers(samples)
    answered = [index for index, sample in enumerate(samples) if sample.outcome is ProbeFate.ANSWERED]
    longest = 0
    for before, after in pairwise(answered):
        first = earliest[after]
        if first is not None:
            longest = max(longest, first.answered_at_ns - samples[before].sent_ns)
    return longest


def holes_ns(samples: Sequence[Sample], *, interval_ns: int) -> list[int]:
    """Of each stretch in which nothing was sent, between two answered probes, the longest outage that it could hide."""
    earliest = earliest_answers(samples)
    hidden = []
    for at, (before, after) in enumerate(pairwise(samples), start=1):
        both = before.outcome is after.outcome is ProbeFate.ANSWERED
        first = earliest[at]
        if both and first is not None and after.sent_ns - before.sent_ns > HOLE_INTERVALS * interval_ns:
            hidden.append(first.answered_at_ns - before.sent_ns)
    return hidden


def unused_slots(samples: Sequence[Sample], *, interval_ns: int) -> int:
    """Slots in which no probe left in time, also because a prober that died told nothing of it.

    Two probes are at most one interval apart, and one more for each slot missed between them: an outage's bounds are
    therefore never further apart than two intervals, one more for each slot missed, and the round trip at either end.
    """
    apart = (-((before.sent_ns - after.sent_ns) // interval_ns) for before, after in pairwise(samples))
    return sum(slots - 1 for slots in apart if slots > 1)


def earliest_answers(samples: Sequence[Sample]) -> list[Sample | None]:
    """For each position, the sample among it and all later ones whose answer came first; None without any."""
    known: Sample | None = None
    found = []
    for sample in reversed(samples):
        known = _earlier_answer(known, sample)
        found.append(known)
    return found[::-1]


def _earlier_answer(known: Sample | None, sample: Sample) -> Sample | None:
    if sample.outcome is not ProbeFate.ANSWERED:
        return known
    return sample if known is None or sample.answered_at_ns <= known.answered_at_ns else known


def _next_bad(samples: Sequence[Sample], begin: int, patience: Patience) -> int | None:
    return next((at for at in range(begin, len(samples)) if is_bad(samples[at], patience)), None)


def _first_sent_after(samples: Sequence[Sample], begin: int, moment_ns: int) -> int:
    return next((at for at in range(begin, len(samples)) if samples[at].sent_ns > moment_ns), len(samples))


def _outage_at(
    samples: Sequence[Sample], first: int, ending: Sample | None, patience: Patience, interval_ns: int
) -> Outage:
    """The outage whose first bad probe is `samples[first]` and which the answer to `ending` ended."""
    up_by_ns = None if ending is None else ending.answered_at_ns
    during = _sent_during(samples, first, up_by_ns)
    bad = [sample for sample in during if is_bad(sample, patience)]
    down = [_proof_of_absence_ns(sample, bad[0].sent_ns) for sample in bad]
    kinds = tuple(dict.fromkeys(_kind_of(sample) for sample in bad))
    pieces = [(moment_ns, moment_ns) for moment_ns in down]
    trip_ns = patience.trip_ns if Kind.SILENT in kinds else 0
    slack_ns = patience.quick_ns if are_released(during) else patience.prompt_ns
    if ending is not None and ending.round_trip_ns > slack_ns and not ending.blind:
        # It was waited for: had the service been up for that long before it came, it would have come then. A round
        # trip is in that already.
        pieces.append((ending.sent_ns, ending.answered_at_ns - slack_ns + trip_ns))
    return Outage(
        last_answered_ns=_last_answered_ns(samples, first, patience),
        first_lost_ns=bad[0].sent_ns,
        last_lost_ns=bad[-1].sent_ns,
        first_answered_ns=None if ending is None else ending.sent_ns,
        up_by_ns=up_by_ns,
        lower_ns=_certainly_down_ns(pieces, widest_hole_ns=round(HOLE_INTERVALS * interval_ns), trip_ns=trip_ns),
        span_ns=down[-1] - down[0],
        kinds=kinds,
    )


def _proof_of_absence_ns(sample: Sample, began_ns: int) -> int:
    """The latest moment, not before the outage's first probe, at which this bad one shows the service absent."""
    return max(began_ns, sample.sent_ns - BLIND_NS) if sample.blind else sample.sent_ns


def _kind_of(sample: Sample) -> Kind:
    match sample.outcome:
        case ProbeFate.ANSWERED | ProbeFate.LOST:
            return Kind.SILENT
        case ProbeFate.REFUSED:
            return Kind.REFUSED
        case ProbeFate.UNREACHABLE:
            return Kind.UNREACHABLE
        case ProbeFate.RESET:
            return Kind.RESET
        case _:
            assert_never(sample.outcome)


def _certainly_down_ns(down: Sequence[tuple[int, int]], *, widest_hole_ns: int, trip_ns: int) -> int:
    """For how long it was surely down: all of the time spanned, less the holes, and a round trip at each beginning.

    Nearby pieces belong together. In a wider hole, in which the prober was held up, the service may have been up.
    """
    ordered = sorted(down)
    runs = [list(ordered[0])]
    for begin, end in ordered[1:]:
        if begin - runs[-1][1] > widest_hole_ns:
            runs.append([begin, end])
        else:
            runs[-1][1] = max(runs[-1][1], end)
    return sum(max(0, end - begin - trip_ns) for begin, end in runs)


def _last_answered_ns(samples: Sequence[Sample], first: int, patience: Patience) -> int:
    """When the newest probe was sent that proves the service up before `samples[first]`.

    One answered late does so only where its answer had come by then: it may have waited out this outage.
    """
    for at in range(first - 1, -1, -1):
        sample = samples[at]
        if not is_bad(sample, patience):
            return sample.sent_ns
        if sample.outcome is ProbeFate.ANSWERED and sample.answered_at_ns <= samples[first].sent_ns:
            return sample.sent_ns
    return samples[0].sent_ns


def _sent_during(samples: Sequence[Sample], first: int, up_by_ns: int | None) -> Sequence[Sample]:
    """From the outage's first bad probe to the last that was sent before it was over."""
    return samples[first : len(samples) if up_by_ns is None else _first_sent_after(samples, first, up_by_ns)]
