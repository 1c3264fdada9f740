"""What one look at a move's two hosts finds of its VM. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ferryman.fleet.values import Off


class End(StrEnum):
    """The VM at one end of its move."""

    UNREACHABLE = "unreachable"
    """Nothing is known. Never the same as absent."""
    ABSENT = "absent"
    """The host answered: no VM with this UUID."""
    RUNNING = "running"
    PAUSED = "paused"
    """At the source: stopped for the switch-over. At the destination: an incoming copy that never ran."""
    SUSPENDED = "suspended"
    """Only at the destination: paused, and not as an incoming copy. It may have run there."""
    PARTIAL = "partial"
    """In post-copy: it has left the source and its memory has not, not all of it. Neither end may be resumed."""
    STOPPING = "stopping"
    """The guest has powered itself off; its QEMU is ending."""
    SHUT_OFF = "shut-off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Both ends at one look."""

    source: End
    destination: End
    job: bool = False
    """A migration job is active at the source."""
    source_off: Off = Off.UNKNOWN
    """Where it is off there: how it came to be so."""
    destination_off: Off = Off.UNKNOWN
    swapped: tuple[str, ...] = ()
    """Hosts whose names another machine bears now: nothing is known of what the move left on the one before."""
    elsewhere: tuple[str, ...] = ()
    """Other hosts on which it is active; asked for only before it is let run anywhere."""
    unread: tuple[str, ...] = ()
    """Other hosts that did not answer that question."""
    claimed_by: str = ""
    """Another daemon that is at work on it, by its tag."""
