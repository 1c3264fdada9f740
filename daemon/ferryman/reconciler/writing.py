"""Writes to the state folder that may fail: the daemon tells of it, and goes on."""

from __future__ import annotations

from collections.abc import Callable

from ferryman.reconciler.events import Events
from ferryman.records.errors import StateError


class Writing:
    """Tries, and tells."""

    def __init__(self, events: Events) -> None:
        self._events = events

    def attempt(self, write: Callable[[], object]) -> bool:
        """Whether it was written."""
        try:
            write()
        except StateError as error:
            self.tell(error)
            return False
        return True

    def tell(self, error: StateError) -> None:
        """Say what is wrong with the state folder."""
        self._events.trouble(error.reason, error.remedy)
