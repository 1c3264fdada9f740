"""A probe's samples in, a `Measurement` out: pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

from ferryman.downtime.outages import find_outages, holes_ns, longest_hidden_ns, unused_slots
from ferryman.downtime.patience import Patience, patience_of
from ferryman.downtime.values import (
    Measurement,
    MeasurementStatus,
    Outage,
    OutageFigures,
    ProbeFate,
    ProbeTarget,
    Sample,
)

BASELINE_SAMPLES = 10
"""So many answered probes in a row must precede a move: else nobody knows what was normal."""
MOST_LISTED = 20
"""Outages that a measurement lists; all of them are counted."""
_NS_PER_MS = 1_000_000
_LONGEST_TAIL_NS = 2_000_000_000
"""A probe that fell silent for longer before the end of the measured time has missed the end."""


def unmeasured(target: ProbeTarget | None, reason: str) -> Measurement:
    """No number, and why; `reason` also says the remedy. The target is None where no address is known."""
    if target is None:
        return Measurement(status=MeasurementStatus.UNMEASURED, reason=reason)
    return Measurement(
        status=MeasurementStatus.UNMEASURED,
        reason=reason,
        interval_ms=target.interval_ms,
        address=target.address,
        port=target.port,
    )


def measure(
    samples: Sequence[Sample],
    *,
    target: ProbeTarget,
    baseline_until_ns: int,
    ended_ns: int,
    usual_until_ns: int = 0,
    failure: str | None = None,
    missed: int = 0,
) -> Measurement:
    """The downtime that a client outside saw, with its bounds.

    `samples` are in the order of sending. `baseline_until_ns` is when the move began: outages count from then on.
    Up to `usual_until_ns`, where that is later, the guest was as ever, and its answers show what is usual, too.
    `ended_ns` is when probing was asked to end. `failure` is why the prober ended by itself, if it did, and the remedy;
    `missed` counts the slots of its schedule in which it says that it sent nothing.
    """
    window = [sample for sample in samples if sample.sent_ns <= ended_ns]
    baseline = [sample for sample in window if sample.sent_ns < baseline_until_ns]
    interval_ns = _interval_ns(target)
    usual = _settled(window, max(baseline_until_ns, usual_until_ns))
    unused = max(missed, unused_slots(window, interval_ns=interval_ns))
    counted = replace(_counted(target, window, usual), missed=unused)
    reason = _why_unmeasured(window, baseline, ended_ns, failure)
    if reason:
        return replace(counted, reason=reason)
    # From the last sample of the baseline on: an outage at the very beginning needs one answered before it.
    moved = window[len(baseline) - 1 :]
    outages = find_outages(moved, _patience(usual, interval_ns), interval_ns=interval_ns)
    listed = replace(counted, outages=len(outages), outage_list=_listed(outages, baseline_until_ns))
    if outages and outages[-1].up_by_ns is None:
        return _not_back(listed, outages)
    hidden = _Hidden(longest_ns=longest_hidden_ns(moved), holes_ns=tuple(holes_ns(moved, interval_ns=interval_ns)))
    return _measured(listed, outages, hidden)


def longest_outage(
    samples: Sequence[Sample], *, target: ProbeTarget, baseline_until_ns: int, usual_until_ns: int = 0
) -> Outage | None:
    """The outage whose length is the measurement's downtime; None where none was seen, or nothing is measured."""
    baseline = [sample for sample in samples if sample.sent_ns < baseline_until_ns]
    if not baseline or baseline[-1].outcome is not ProbeFate.ANSWERED:
        return None
    interval_ns = _interval_ns(target)
    usual = _settled(samples, max(baseline_until_ns, usual_until_ns))
    outages = find_outages(samples[len(baseline) - 1 :], _patience(usual, interval_ns), interval_ns=interval_ns)
    return max(outages, key=_at_least_ns, default=None)


def apportion(measurement: Measurement, hypervisor_downtime_ms: float) -> float | None:
    """The network's and the service's share in ms: what users felt beyond the guest's pause.

    None where nothing was measured. May be a little negative, within the measurement's bounds.
    """
    if measurement.downtime_ms is None:
        return None
    return measurement.downtime_ms - hypervisor_downtime_ms


def _interval_ns(target: ProbeTarget) -> int:
    return round(target.interval_ms * _NS_PER_MS)


def _settled(samples: Sequence[Sample], until_ns: int) -> list[Sample]:
    """Those that were over by then: an answer that came later may have waited for the end of an outage."""
    return [sample for sample in samples if sample.sent_ns + max(0, sample.round_trip_ns) < until_ns]


def _patience(usual: Sequence[Sample], interval_ns: int) -> Patience:
    """By those that were sent since the first answer, where enough were.

    Before it the way itself had to be found, which takes a second where the first asking for the address was lost.
    """
    answered = [sample for sample in usual if sample.outcome is ProbeFate.ANSWERED]
    found_ns = min((sample.answered_at_ns for sample in answered), default=0)
    since = [sample for sample in usual if sample.sent_ns >= found_ns]
    enough = sum(sample.outcome is ProbeFate.ANSWERED for sample in since) >= BASELINE_SAMPLES
    return patience_of(since if enough else usual, interval_ns=interval_ns)


def _counted(target: ProbeTarget, window: Sequence[Sample], baseline: Sequence[Sample]) -> Measurement:
    """What is known whatever the verdict: counts, and the baseline's round trips."""
    answered = [sample for sample in baseline if sample.outcome is ProbeFate.ANSWERED]
    trips_ms = [sample.round_trip_ns / _NS_PER_MS for sample in answered]
    return replace(
        unmeasured(target, ""),
        samples=len(window),
        lost=sum(sample.outcome is not ProbeFate.ANSWERED for sample in window),
        blind=sum(sample.blind for sample in window),
        baseline_samples=len(answered),
        baseline_round_trip_median_ms=median(trips_ms) if trips_ms else None,
        baseline_round_trip_max_ms=max(trips_ms, default=None),
        in_time_ms=_patience(answered, _interval_ns(target)).in_time_ns / _NS_PER_MS if answered else None,
    )


def _why_unmeasured(window: Sequence[Sample], baseline: Sequence[Sample], ended_ns: int, failure: str | None) -> str:
    """Why these samples hold no number, with the remedy; empty where they do."""
    if failure is not None:
        return failure
    last = baseline[-BASELINE_SAMPLES:]
    unanswered = sum(sample.outcome is not ProbeFate.ANSWERED for sample in last)
    silent_ns = ended_ns - window[-1].sent_ns if window else 0
    if not any(sample.outcome is ProbeFate.ANSWERED for sample in baseline):
        return "no probe was answered before the move: set [probe] address and port to what the guest answers on"
    if len(last) < BASELINE_SAMPLES:
        return f"{len(last)} probes before the move, {BASELINE_SAMPLES} are needed: probe for longer beforehand"
    if unanswered:
        return (
            f"{unanswered} of the last {len(last)} probes before the move went unanswered: "
            "the service was disturbed already; see that it answers, then move again"
        )
    if silent_ns > _LONGEST_TAIL_NS:
        silent_ms = silent_ns / _NS_PER_MS
        return f"the prober sent nothing for the last {silent_ms:.0f} ms: look for what held this machine up"
    return ""


def _listed(outages: Sequence[Outage], since_ns: int) -> tuple[OutageFigures, ...]:
    """The longest outages, in the order of time."""
    longest = sorted(outages, key=_at_least_ns, reverse=True)[:MOST_LISTED]
    return tuple(
        OutageFigures(
            began_ms=(outage.first_lost_ns - since_ns) / _NS_PER_MS,
            lower_ms=outage.lower_ns / _NS_PER_MS,
            upper_ms=None if outage.upper_ns is None else outage.upper_ns / _NS_PER_MS,
            kinds=outage.kinds,
        )
        for outage in sorted(longest, key=lambda outage: outage.first_lost_ns)
    )


def _at_least_ns(outage: Outage) -> float:
    """The best figure for how long it was; of one that is not over, how long it was at least."""
    return outage.lower_ns if outage.midpoint_ns is None else outage.midpoint_ns


def _not_back(counted: Measurement, outages: Sequence[Outage]) -> Measurement:
    """Only what is certain: the lower bound."""
    lowers_ms = [outage.lower_ns / _NS_PER_MS for outage in outages]
    return replace(
        counted,
        status=MeasurementStatus.NOT_BACK,
        reason="the service had not answered again when probing ended: see whether it runs in the guest",
        downtime_lower_ms=max(lowers_ms),
        total_outage_lower_ms=sum(lowers_ms),
        kinds=outages[-1].kinds,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hidden:
    """What may have gone unseen between two answered probes."""

    longest_ns: int
    holes_ns: tuple[int, ...]
    """Where the prober was held up or started anew: more than the schedule explains."""


def _measured(counted: Measurement, outages: Sequence[Outage], hidden: _Hidden) -> Measurement:
    """The longest outage: its midpoint, and bounds within which the longest truly lies; and all of them together.

    The upper bounds cover what may hide between answered probes too, so that a prober that was held up
    never makes an outage look shorter than it may have been. Where it was and none was seen, the figure is the
    middle of those bounds: 0 would claim that there was none.
    """
    uppers = [outage.upper_ns for outage in outages if outage.upper_ns is not None]
    longest = max(outages, key=_at_least_ns, default=None)
    upper_ns = max([hidden.longest_ns, *uppers])
    lowers = [outage.lower_ns for outage in outages]
    # Where none was seen, the holes are all that there may be.
    likely = [_at_least_ns(outage) for outage in outages] or [hole_ns / 2 for hole_ns in hidden.holes_ns]
    return replace(
        counted,
        status=MeasurementStatus.MEASURED,
        downtime_ms=max(likely, default=0) / _NS_PER_MS,
        downtime_lower_ms=max(lowers, default=0) / _NS_PER_MS,
        downtime_upper_ms=upper_ns / _NS_PER_MS,
        total_outage_ms=sum(likely) / _NS_PER_MS,
        total_outage_lower_ms=sum(lowers) / _NS_PER_MS,
        total_outage_upper_ms=max(upper_ns, sum(uppers) + sum(hidden.holes_ns)) / _NS_PER_MS,
        kinds=() if longest is None else longest.kinds,
    )
