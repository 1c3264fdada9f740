"""The words of measuring: sample, outage, measurement. Times are CLOCK_MONOTONIC, in ns."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ProbeFate(StrEnum):
    """What became of one probe."""

    ANSWERED = "answered"
    """SYN-ACK: the kernel and a listening socket are there."""
    REFUSED = "refused"
    """RST to the SYN: a kernel answered, nothing listens. Down, as the users see it."""
    UNREACHABLE = "unreachable"
    """ICMP says so, or this machine's own routes or neighbour table."""
    RESET = "reset"
    """Answered, and taken back at once: a proxy without its service does that."""
    LOST = "lost"
    """No answer within the probe's deadline."""


class Kind(StrEnum):
    """How an outage showed itself."""

    SILENT = "silent"
    """Nothing came back, or only after the outage."""
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    RESET = "reset"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One probe, counted at the time it was sent."""

    sent_ns: int
    outcome: ProbeFate
    round_trip_ns: int
    """-1 where there was no answer."""
    blind: bool = False
    """Its SYN waited for this machine's neighbour table: it proves little of the service."""

    @property
    def answered_at_ns(self) -> int:
        """When its answer came; only for answered ones."""
        return self.sent_ns + self.round_trip_ns


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeTarget:
    """Where and how often to probe."""

    address: str
    """An IPv4 or IPv6 address, not a name: see `resolving.find_address`."""
    port: int
    interval_ms: float = 10
    deadline_ms: float = 900
    """After it a probe is lost. Below 1000, where the kernel sends the SYN again: an answer to a repeat
    would say nothing of when the first was sent."""


class ServiceState(StrEnum):
    """What a running probe knows at this moment, for display only."""

    UNKNOWN = "unknown"
    """Not one answer yet."""
    UP = "up"
    DOWN = "down"
    """Not answered, or silent for longer than an answer has ever taken so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeView:
    """A running probe at one look."""

    state: ServiceState
    since_ns: int | None
    """Up: when the first answered probe after the last bad one was sent. Down: the last answered one."""
    answered: int
    lost: int
    """Lost, refused, unreachable and reset."""
    not_sent: int
    """The prober itself could not send; the gap widens the bounds."""
    last_round_trip_ms: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceCheck:
    """Whether a working service stands behind the answering kernel."""

    working: bool
    banner: str = ""
    """Its first line, where the port is one that speaks first."""
    reason: str = ""
    """Why it is not working, and the remedy; empty otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """A stretch without service, known to lie between two bounds."""

    last_answered_ns: int
    """Sent time of the last answered probe before it."""
    first_lost_ns: int
    """Sent time of its first probe that was lost, refused or answered too late."""
    last_lost_ns: int
    """Sent time of the last such probe."""
    first_answered_ns: int | None
    """Sent time of the probe whose answer came first; None: not back when probing ended."""
    up_by_ns: int | None
    """When that answer came: certainly up by then. None: not back when probing ended."""
    lower_ns: int
    """It lasted at least this long: from the first such probe to the last, less the holes in the schedule."""
    span_ns: int
    """From the first proof that it was down to the last, across holes in the schedule."""
    kinds: tuple[Kind, ...]
    """How it showed itself, each once, in the order of time."""

    @property
    def upper_ns(self) -> int | None:
        """It lasted at most this long; None: it was not over."""
        return None if self.up_by_ns is None else self.up_by_ns - self.last_answered_ns

    @property
    def midpoint_ns(self) -> float | None:
        """The best single figure, taking it for one outage even across a hole in the schedule; None: not over."""
        if self.upper_ns is None:
            return None
        return (max(self.lower_ns, self.span_ns) + self.upper_ns) / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class OutageFigures:
    """One outage, as a measurement lists it."""

    began_ms: float
    """From the end of the baseline to its first lost probe."""
    lower_ms: float
    upper_ms: float | None = None
    """None: not over when probing ended."""
    kinds: tuple[Kind, ...] = ()


class MeasurementStatus(StrEnum):
    """Whether a measurement holds a number."""

    MEASURED = "measured"
    UNMEASURED = "unmeasured"
    """No clean baseline, no address, or the prober failed: `reason` says which. Never read as 0."""
    NOT_BACK = "not-back"
    """The service had not come back when probing ended: the lower bound is all there is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFigures:
    """What a second probe, by ICMP echo, saw of the host and the network meanwhile; as in a measurement."""

    status: MeasurementStatus
    reason: str = ""
    downtime_ms: float | None = None
    lower_ms: float | None = None
    upper_ms: float | None = None
    outages: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Downtime:
    """How long the VM's users were without it during one move, or why that is not known."""

    status: MeasurementStatus
    reason: str = ""
    """Why it is not measured; empty otherwise."""
    downtime_ms: float | None = None
    """The longest outage's midpoint. Where none was seen: 0, or half of what the prober may have missed while it was
    held up."""
    downtime_lower_ms: float | None = None
    downtime_upper_ms: float | None = None
    """Also covers what may hide between two answered probes, above all where the prober was held up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement(Downtime):
    """What the VM's users felt during one move, and how that was found."""

    total_outage_ms: float | None = None
    """All outages together: their midpoints. Where none was seen, as `downtime_ms`."""
    total_outage_lower_ms: float | None = None
    total_outage_upper_ms: float | None = None
    """Also covers each stretch in which the prober was held up."""
    outages: int = 0
    kinds: tuple[Kind, ...] = ()
    """How the longest outage showed itself."""
    outage_list: tuple[OutageFigures, ...] = ()
    """The longest ones, in the order of time."""
    interval_ms: float | None = None
    samples: int = 0
    lost: int = 0
    """Lost, refused, unreachable and reset."""
    blind: int = 0
    """Probes that waited for this machine's neighbour table: the bounds are the wider for it."""
    missed: int = 0
    """Slots of the schedule without a probe, as the prober was held up or started anew: they widen the bounds."""
    baseline_samples: int = 0
    baseline_round_trip_median_ms: float | None = None
    baseline_round_trip_max_ms: float | None = None
    in_time_ms: float | None = None
    """An answer that took longer was late; several released together were an outage. Derived from the baseline."""
    address: str = ""
    port: int = 0
    host: HostFigures | None = None
    """Where `[probe] icmp = true`: whether the host was away, or only its service."""
