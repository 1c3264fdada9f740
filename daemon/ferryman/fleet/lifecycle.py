"""When a host said that a VM's guest began, stood still, went on or ended."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from enum import StrEnum

_KEPT = 2000
"""Events of one host; a move makes some ten of them."""


class GuestEvent(StrEnum):
    """What became of a guest on one host."""

    STARTED = "started"
    """It runs: it was booted or restored here."""
    INCOMING = "incoming"
    """Its memory begins to arrive; it does not run here yet."""
    SUSPENDED = "suspended"
    RESUMED = "resumed"
    SHUT_DOWN = "shut-down"
    """The guest has powered itself off; its QEMU is about to end."""
    STOPPED = "stopped"
    """Its QEMU has ended, here."""
    CRASHED = "crashed"


@dataclass(frozen=True, slots=True, kw_only=True)
class LifecycleEvent:
    """One change, as its host told it."""

    uuid: str
    change: GuestEvent
    why: str = ""
    """The hypervisor's word for it: migrated, post-copy, booted, …; empty where it has none."""
    at_ns: int
    """When word of it came here, CLOCK_MONOTONIC: later than the change by the way from the host."""


class LifecycleLog:
    """The newest events of one host's VMs. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._events: deque[LifecycleEvent] = deque(maxlen=_KEPT)

    def note(self, event: LifecycleEvent) -> None:
        """Keep one more; the oldest goes."""
        with self._lock:
            self._events.append(event)

    def since(self, uuid: str, since_ns: int) -> tuple[LifecycleEvent, ...]:
        """What came of this VM from that moment on, in the order of arrival."""
        with self._lock:
            return tuple(event for event in self._events if event.uuid == uuid and event.at_ns >= since_ns)
