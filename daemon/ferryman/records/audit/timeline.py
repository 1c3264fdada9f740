"""What happened when during one attempt, as its record keeps it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ferryman.fleet.lifecycle import GuestEvent


class Mark(StrEnum):
    """What a moment in a timeline was."""

    PHASE = "phase"
    """`detail` began to be done."""
    STEERED = "steered"
    """`detail` was told to the hypervisor: another downtime limit, or the ladder's end."""
    STARTED = GuestEvent.STARTED
    INCOMING = GuestEvent.INCOMING
    SUSPENDED = GuestEvent.SUSPENDED
    RESUMED = GuestEvent.RESUMED
    SHUT_DOWN = GuestEvent.SHUT_DOWN
    STOPPED = GuestEvent.STOPPED
    CRASHED = GuestEvent.CRASHED
    LAST_ANSWERED = "last-answered"
    """The last answered probe before the longest outage was sent."""
    FIRST_LOST = "first-lost"
    LAST_LOST = "last-lost"
    ANSWERED = "answered"
    """The first answer after the longest outage came."""
    ANNOUNCED = "announced"
    """The guest's place was announced again."""
    ANNOUNCING_FAILED = "announcing-failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """One moment."""

    at_ms: float
    """Since the attempt began, by the daemon's monotonic clock; a host's word is timed when it came to the daemon."""
    mark: Mark
    host: str = ""
    """Whose guest it was, or who announced it; empty for phases and probes."""
    detail: str = ""
