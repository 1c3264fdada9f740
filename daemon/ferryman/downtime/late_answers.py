"""What answers that are late say. Pure.

Those that waited for the end of an outage are *released* together, or nearly so: answered one by one. A guest that
works off such a backlog is up, however late its answers are: they come one after the other. One that stands still again
meanwhile answers nobody, and that shows as a silence among them. Without either, a late answer is jitter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ferryman.downtime.patience import Patience
from ferryman.downtime.values import Outage, ProbeFate, Sample

_RELEASED_WITHIN_NS, _RELEASED_EACH_NS = 2_000_000, 1_250_000
"""A guest that goes on answers two that waited within this; an emulated one takes a millisecond for each more."""
_RESTED_AFTER = 3
"""Answers in a row: an emulated guest answered one of those that it was late with as fast as ever."""
_BUSY_FOR_NS = 1_000_000_000
"""At most so long a guest is busy with what waited: an emulated one worked off a hundred probes in 25 ms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """A time between two answers, in ns of the probes' clock."""

    began_ns: int
    over_ns: int

    @property
    def lasted_ns(self) -> int:
        """How long nothing came."""
        return self.over_ns - self.began_ns


def is_busy(samples: Sequence[Sample], first: int, before: Outage, patience: Patience) -> bool:
    """Whether, at the bad probe `samples[first]`, the guest was still busy with what waited for the outage before.

    Until it has answered some in a row about as fast as usual; for as long as that outage, and a second at most.
    """
    if before.up_by_ns is None:
        return False
    lasted_ns = before.up_by_ns - before.last_answered_ns
    if samples[first].sent_ns > before.up_by_ns + min(lasted_ns, _BUSY_FOR_NS):
        return False
    in_a_row = 0
    for sample in (samples[at] for at in range(first - 1, -1, -1)):
        if sample.sent_ns <= before.up_by_ns:
            return True
        is_usual = sample.outcome is ProbeFate.ANSWERED and sample.round_trip_ns <= patience.rested_ns
        in_a_row = in_a_row + 1 if is_usual else 0
        if in_a_row == _RESTED_AFTER:
            return False
    return True


def longest_silence(samples: Sequence[Sample], first: int, during: Sequence[Sample]) -> Silence | None:
    """The longest one from the bad probe `samples[first]` on, until one of those sent `during` its outage was answered.

    None where not all of them were.
    """
    if any(sample.outcome is not ProbeFate.ANSWERED for sample in during):
        return None
    begun_ns, up_ns = during[0].sent_ns, min(sample.answered_at_ns for sample in during)
    moments = [up_ns]
    # Back to the last answer that came before: packets are not reordered, so all others came before that one.
    for sample in (samples[at] for at in range(first - 1, -1, -1)):
        if sample.outcome is ProbeFate.ANSWERED:
            moments.append(min(up_ns, sample.answered_at_ns))
            if moments[-1] <= begun_ns:
                break
    began_ns, over_ns = max(pairwise(sorted(moments)), key=lambda apart: apart[1] - apart[0], default=(up_ns, up_ns))
    return Silence(began_ns=began_ns, over_ns=over_ns)


def is_bad(sample: Sample, patience: Patience) -> bool:
    """Whether a client that called then got no service, or late."""
    return sample.outcome is not ProbeFate.ANSWERED or sample.round_trip_ns > patience.in_time_ns


def is_jitter(during: Sequence[Sample], outage: Outage, patience: Patience) -> bool:
    """Late answers only, which nothing shows to have waited for the same moment.

    Without a release they did so where they are out of all proportion and none sent meanwhile was answered.
    """
    if any(sample.outcome is not ProbeFate.ANSWERED for sample in during):
        return False
    out_of_proportion = during[0].round_trip_ns > 2 * patience.prompt_ns and len(during) > 1
    return not are_released(during) and not (out_of_proportion and outage.lower_ns > 0)


def are_released(during: Sequence[Sample]) -> bool:
    """Whether those sent during an outage were answered at about the same time, and so waited for its end.

    A way that became longer answers late, too, but as far apart as it was asked.
    """
    answered = [sample for sample in during if sample.outcome is ProbeFate.ANSWERED and not sample.blind]
    if not answered:
        return False
    sent_within_ns = answered[-1].sent_ns - answered[0].sent_ns
    moments = [sample.answered_at_ns for sample in answered]
    limit_ns = min(sent_within_ns // 2, _RELEASED_WITHIN_NS + (len(answered) - 2) * _RELEASED_EACH_NS)
    in_turn = moments[0] - min(moments) <= _RELEASED_WITHIN_NS
    return sent_within_ns > 0 and in_turn and max(moments) - min(moments) <= limit_ns
