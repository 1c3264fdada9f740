"""Fewer samples that still show what happened: pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from ferryman.downtime.values import ProbeFate, Sample

_AROUND_AN_EDGE = 25
"""So many samples before and after each end of an outage are kept whatever the number of samples."""


def thin(samples: Sequence[Sample], *, in_time_ns: int | None, most: int) -> tuple[Sample, ...]:
    """At most so many of them, in the same order: those around the ends of outages, and the worst of each stretch.

    Worse than one answered late is one that was lost. `in_time_ns` is how long an answer may take, as in
    `Measurement.in_time_ms`; None: not known.
    """
    if len(samples) <= most:
        return tuple(samples)
    edges = _around_edges([_is_bad(sample, in_time_ns) for sample in samples])
    if len(edges) > most // 2:
        # It flaps: no edge tells more than any other.
        edges = set()
    kept = edges | _worst_of_stretches(samples, most - len(edges))
    return tuple(samples[at] for at in sorted(kept))


def _is_bad(sample: Sample, in_time_ns: int | None) -> bool:
    late = in_time_ns is not None and sample.round_trip_ns > in_time_ns
    return sample.outcome is not ProbeFate.ANSWERED or late


def _around_edges(bad: Sequence[bool]) -> set[int]:
    edges = [at for at, (before, after) in enumerate(pairwise(bad), start=1) if before != after]
    return {at for edge in edges for at in range(max(edge - _AROUND_AN_EDGE, 0), min(edge + _AROUND_AN_EDGE, len(bad)))}


def _worst_of_stretches(samples: Sequence[Sample], stretches: int) -> set[int]:
    """The index of the worst sample of each of so many stretches, all of about the same length."""
    starts = [len(samples) * stretch // stretches for stretch in range(stretches + 1)]
    return {
        max(
            range(begin, end), key=lambda at: (samples[at].outcome is not ProbeFate.ANSWERED, samples[at].round_trip_ns)
        )
        for begin, end in pairwise(starts)
    }
