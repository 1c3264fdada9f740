"""What is usual of a service that is up, learned from a baseline: pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from ferryman.downtime.values import ProbeFate, Sample

SHORTEST_PROMPT_NS = 25_000_000
"""A busy guest takes this long now and then, whatever a short baseline saw."""
_PROMPT_SHARE, _FEW = 0.99, 100
"""99 of 100 answers; of fewer than 100 all of them."""
_UNUSUAL = 10
"""So many median round trips are no jitter: something was wrong already."""
_BUSY = 3
"""Times its slowest usual answer: so long a guest on a busy machine may take to go on."""
_SHORTEST_LATE_NS, _SHORTEST_QUICK_NS, _RESTED_NS = 5_000_000, 2_000_000, 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a service that is up may take to answer."""

    prompt_ns: int
    """At most so long before the first answer an outage ended, where that answer alone says so."""
    quick_ns: int
    """The same where several that waited were released together: those came as fast as the baseline's."""
    in_time_ns: int
    """A later answer is late."""
    trip_ns: int = 0
    """The slowest usual round trip: for so long a probe is on its way."""

    @property
    def rested_ns(self) -> int:
        """Answers at most this late show that the guest has nothing older left to answer."""
        return min(self.in_time_ns, 2 * self.trip_ns + _RESTED_NS)

    @property
    def pause_ns(self) -> int:
        """While it works off what waited, a guest that is up answers nobody for at most so long."""
        return max(self.in_time_ns, self.prompt_ns)


def patience_of(baseline: Sequence[Sample], *, interval_ns: int) -> Patience:
    """Derived from the answered probes of a baseline: 99 of 100 were at least this prompt, or all of fewer than 100.

    Not the slowest of many: one stall in minutes of baseline would hide every outage of the same length. A quiet
    baseline makes answers late that come an interval after its slowest: after 5.5 ms where that took 0.5, of probes
    every 5 ms.
    """
    answered_ns = sorted(sample.round_trip_ns for sample in baseline if sample.outcome is ProbeFate.ANSWERED)
    most_ns = max(SHORTEST_PROMPT_NS, _UNUSUAL * median(answered_ns)) if answered_ns else 0
    trips = [trip for trip in answered_ns if trip <= most_ns]
    usual_ns = (trips[-1] if len(trips) < _FEW else trips[int(_PROMPT_SHARE * (len(trips) - 1))]) if trips else 0
    prompt_ns = max(SHORTEST_PROMPT_NS, usual_ns)
    late_ns = max(2 * usual_ns, usual_ns + max(_SHORTEST_LATE_NS, interval_ns))
    return Patience(
        prompt_ns=prompt_ns,
        quick_ns=min(prompt_ns, max(usual_ns + max(_SHORTEST_QUICK_NS, interval_ns), _BUSY * usual_ns)),
        in_time_ns=min(late_ns, 2 * prompt_ns),
        trip_ns=usual_ns,
    )
