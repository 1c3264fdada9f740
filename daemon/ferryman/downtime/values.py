"""The words of measuring: sample, outage, measurement. Times are CLOCK_MONOTONIC, in ns."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """What became of one probe."""

    ANSWERED = "answered"
    """SYN-ACK: the kernel and a listening socket are there."""
    REFUSED = "refused"
    """RST: a kernel answered, nothing listens. Down, as the users see it."""
    LOST = "lost"
    """No answer within the probe's deadline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One probe, counted at the time it was sent."""

    sent_ns: int
    outcome: Outcome
    round_trip_ns: int
    """-1 where there was no answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """A stretch without service, known to lie between two bounds."""

    last_answered_ns: int
    """Sent time of the last answered probe before it."""
    first_lost_ns: int
    last_lost_ns: int
    first_answered_ns: int | None
    """Sent time of the first answered probe after it; None: not back when probing ended."""


class MeasurementStatus(StrEnum):
    """Whether a measurement holds a number."""

    MEASURED = "measured"
    UNMEASURED = "unmeasured"
    """No clean baseline, no address, or the prober failed: `reason` says which. Never read as 0."""
    NOT_BACK = "not-back"
    """The service had not come back when probing ended: the lower bound is all there is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What the VM's users felt during one move."""

    status: MeasurementStatus
    reason: str = ""
    """Why it is not measured; empty otherwise."""
    downtime_ms: float | None = None
    """Midpoint of the longest outage's bounds; 0 with the upper bound one interval where no probe was lost."""
    downtime_lower_ms: float | None = None
    downtime_upper_ms: float | None = None
    total_outage_ms: float | None = None
    """All outages together, upper bounds."""
    outages: int = 0
    interval_ms: float | None = None
    samples: int = 0
    lost: int = 0
    baseline_samples: int = 0
    baseline_round_trip_median_ms: float | None = None
    baseline_round_trip_max_ms: float | None = None
    address: str = ""
    port: int = 0
