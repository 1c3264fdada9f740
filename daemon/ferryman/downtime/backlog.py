"""After an outage: what had waited for its end is answered one by one. Pure.

A guest that works off such a backlog is up, however late its answers are: they come one after the other. One that
stands still again meanwhile answers nobody, and that shows as a silence among them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ferryman.downtime.patience import Patience
from ferryman.downtime.values import Outage, ProbeFate, Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """A time between two answers, in ns of the probes' clock."""

    began_ns: int
    over_ns: int

    @property
    def lasted_ns(self) -> int:
        """How long nothing came."""
        return self.over_ns - self.began_ns


def longest_silence(samples: Sequence[Sample], first: int, during: Sequence[Sample], before: Outage) -> Silence | None:
    """The longest one from the bad probe `samples[first]` on, until one of those sent `during` its outage was answered.

    None where not all of them were, or the outage before did not end.
    """
    if before.up_by_ns is None or any(sample.outcome is not ProbeFate.ANSWERED for sample in during):
        return None
    begun_ns, up_ns = during[0].sent_ns, min(sample.answered_at_ns for sample in during)
    moments = [up_ns]
    # Back to the last answer that came before: packets are not reordered, so all others came before that one.
    for sample in reversed(samples[:first]):
        if sample.outcome is ProbeFate.ANSWERED:
            moments.append(min(up_ns, sample.answered_at_ns))
            if moments[-1] <= begun_ns:
                break
    began_ns, over_ns = max(pairwise(sorted(moments)), key=lambda apart: apart[1] - apart[0], default=(up_ns, up_ns))
    return Silence(began_ns=began_ns, over_ns=over_ns)


def patient_for_ns(samples: Sequence[Sample], first: int, before: Outage, patience: Patience) -> int:
    """How long a guest may answer nobody: longer until it has caught up with what waited for the outage before."""
    for sample in reversed(samples[:first]):
        if sample.sent_ns <= (before.up_by_ns or 0):
            return max(patience.in_time_ns, patience.prompt_ns)
        if sample.outcome is ProbeFate.ANSWERED and sample.round_trip_ns <= patience.trip_ns:
            return patience.in_time_ns
    return patience.in_time_ns
