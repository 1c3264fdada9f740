"""What one look at a move's two hosts finds of its VM. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


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
