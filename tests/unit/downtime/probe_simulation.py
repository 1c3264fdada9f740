"""A service with outages that are known exactly, and what a prober would see of it. All times in ms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ferryman.downtime.values import ProbeFate, ProbeTarget, Sample

TARGET = ProbeTarget(address="192.0.2.1", port=22, interval_ms=10, deadline_ms=900)


class Fate(StrEnum):
    """What becomes of a SYN that comes while nothing answers."""

    DROPPED = "dropped"
    QUEUED = "queued"
    REFUSED = "refused"
    SEVERED = "severed"
    """Dropped, and so are answers that are still on their way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownOutage:
    begin: float
    end: float
    fate: Fate = Fate.DROPPED

    @property
    def length(self) -> float:
        return self.end - self.begin


def ns(milliseconds: float) -> int:
    return round(milliseconds * 1e6)


def answered(sent: float, round_trip: float = 1) -> Sample:
    return Sample(sent_ns=ns(sent), outcome=ProbeFate.ANSWERED, round_trip_ns=ns(round_trip))


def lost(sent: float) -> Sample:
    return Sample(sent_ns=ns(sent), outcome=ProbeFate.LOST, round_trip_ns=-1)


def refused(sent: float) -> Sample:
    return Sample(sent_ns=ns(sent), outcome=ProbeFate.REFUSED, round_trip_ns=ns(1))


def probe(
    schedule: Sequence[float],
    outages: Sequence[KnownOutage] = (),
    round_trip: Callable[[float], float] = lambda _: 1,
) -> list[Sample]:
    """One probe at each time of `schedule`; `round_trip` is what a service that is up takes."""
    return [_one(sent, outages, round_trip(sent)) for sent in schedule]


def every(interval: float, *, until: float, start: float = 0) -> list[float]:
    return [start + number * interval for number in range(int((until - start) / interval))]


def _cuts_off(outage: KnownOutage, sent: float, round_trip: float) -> bool:
    """Whether an answer is on its way when both directions are cut."""
    return outage.fate is Fate.SEVERED and sent < outage.begin < sent + round_trip


def _one(sent: float, outages: Sequence[KnownOutage], round_trip: float) -> Sample:
    outage = next(
        (known for known in outages if known.begin <= sent < known.end or _cuts_off(known, sent, round_trip)), None
    )
    if outage is None:
        return answered(sent, round_trip)
    waited = outage.end - sent + round_trip
    match outage.fate:
        case Fate.QUEUED if waited <= TARGET.deadline_ms:
            return answered(sent, waited)
        case Fate.REFUSED:
            return refused(sent)
        case _:
            return lost(sent)
