"""A second daemon on one state folder: it observes only, says so, and takes over when the first is gone."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Protocol

from ferryman.records.errors import StateLockedError
from ferryman.records.store import StateStore
from ferryman.service import ServiceManager

LOOK_EVERY_S = 2.0


class Teller(Protocol):
    """Whoever is told."""

    def standing_by(self, reason: str) -> None:
        """Another daemon writes: this one moves nothing."""
        ...

    def taking_over(self) -> None:
        """It is gone: this one begins."""
        ...


def open_when_free(state: Path, stop: threading.Event, service: ServiceManager, events: Teller) -> StateStore | None:
    """The state folder, as soon as no other process writes to it; None: stopped before.

    Raises StateError where it cannot be opened for another reason.
    """
    told = ""
    while not stop.is_set():
        try:
            store = StateStore.open(state)
        except StateLockedError as error:
            if told != error.reason:
                told = error.reason
                events.standing_by(told)
                service.ready(f"observing only: {told}")
            service.alive()
            stop.wait(min(LOOK_EVERY_S, service.watchdog_interval_s or LOOK_EVERY_S))
        else:
            if told:
                events.taking_over()
            return store
    return None
