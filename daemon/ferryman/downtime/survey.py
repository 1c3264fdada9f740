"""All that a probe without a move before and after it has seen: pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from ferryman.downtime.outages import HOLE_INTERVALS, find_outages, holes_ns, unused_slots
from ferryman.downtime.patience import patience_of
from ferryman.downtime.values import Outage, OutageFigures, ProbeFate, Sample

_NS_PER_MS = 1_000_000
_BUSY_MS = 50.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundTrips:
    """Of the answered probes; ms."""

    lowest_ms: float
    median_ms: float
    p99_ms: float
    """At most this for 99 of 100."""
    highest_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What became of the probes, and the outages among them. Times are from the first probe on."""

    lasted_ms: float
    """From the first probe to the last."""
    sent: int
    missed: int = 0
    """Slots of the schedule in which nothing could be sent; they widen the bounds."""
    outcomes: Mapping[ProbeFate, int] = field(default_factory=dict)
    round_trips: RoundTrips | None = None
    in_time_ms: float | None = None
    """A later answer counts as an outage; derived from the round trips."""
    first_answer_ms: float | None = None
    """When the first probe that was answered left; None: none was. What came before has no known beginning."""
    outages: tuple[OutageFigures, ...] = ()
    interval_ms: float = 0.0
    longest_unseen_ms: float = 0.0
    """The longest outage that may have passed unseen where the prober was held up or started anew; 0: it never was."""

    @property
    def undisturbed(self) -> bool:
        """The first probe was answered, nothing was wrong from then on, and nobody looked away for long."""
        return self.first_answer_ms == 0.0 and not self.outages and not self.looked_away

    @property
    def looked_away(self) -> bool:
        """For longer than a busy machine holds up a prober now and then."""
        return self.longest_unseen_ms > max(_BUSY_MS, HOLE_INTERVALS * self.interval_ms)


def survey(samples: Sequence[Sample], *, interval_ms: float, missed: int = 0) -> Survey:
    """Sum up the samples, which are in the order of sending.

    What is normal is judged by all of them, but for those that are out of all proportion: unlike a move's, this probe
    has no baseline.
    """
    if not samples:
        return Survey(lasted_ms=0.0, sent=0, missed=missed)
    began_ns = samples[0].sent_ns
    answered = [at for at, sample in enumerate(samples) if sample.outcome is ProbeFate.ANSWERED]
    counted = Counter(sample.outcome for sample in samples)
    interval_ns = round(interval_ms * _NS_PER_MS)
    patience = patience_of(samples, interval_ns=interval_ns)
    outages = find_outages(samples[answered[0] :], patience, interval_ns=interval_ns) if answered else ()
    return Survey(
        lasted_ms=(samples[-1].sent_ns - began_ns) / _NS_PER_MS,
        sent=len(samples),
        missed=max(missed, unused_slots(samples, interval_ns=interval_ns)),
        outcomes={outcome: counted[outcome] for outcome in ProbeFate if counted[outcome]},
        round_trips=_round_trips([samples[at].round_trip_ns / _NS_PER_MS for at in answered]) if answered else None,
        in_time_ms=patience.in_time_ns / _NS_PER_MS if answered else None,
        first_answer_ms=(samples[answered[0]].sent_ns - began_ns) / _NS_PER_MS if answered else None,
        outages=tuple(_figures(outage, began_ns) for outage in outages),
        interval_ms=interval_ms,
        longest_unseen_ms=max(holes_ns(samples, interval_ns=interval_ns), default=0) / _NS_PER_MS,
    )


def _figures(outage: Outage, began_ns: int) -> OutageFigures:
    return OutageFigures(
        began_ms=(outage.first_lost_ns - began_ns) / _NS_PER_MS,
        lower_ms=outage.lower_ns / _NS_PER_MS,
        upper_ms=None if outage.upper_ns is None else outage.upper_ns / _NS_PER_MS,
        kinds=outage.kinds,
    )


def _round_trips(trips_ms: Sequence[float]) -> RoundTrips:
    ordered = sorted(trips_ms)
    return RoundTrips(
        lowest_ms=ordered[0],
        median_ms=median(ordered),
        p99_ms=ordered[int(0.99 * (len(ordered) - 1))],
        highest_ms=ordered[-1],
    )
