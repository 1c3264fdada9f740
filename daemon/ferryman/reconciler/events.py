"""What the loop tells the outside while it works: the log, the terminal, the service manager."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Protocol

from ferryman.planning.plans import Plan
from ferryman.records.audit.record import MigrationRecord
from ferryman.records.journal.entry import JournalEntry
from ferryman.records.requests import Request
from ferryman.records.state.states import Condition, HostState
from ferryman.specs.problems import Problem


class Events(Protocol):
    """Called from the loop's thread; must return quickly."""

    def problems(self, problems: Sequence[Problem]) -> None:
        """What is wrong with the specs now; called first at every look, also with none."""
        ...

    def begun(self, plan: Plan) -> None:
        """A move begins."""
        ...

    def taken_up(self, entry: JournalEntry) -> None:
        """A move that was interrupted is brought to its end."""
        ...

    def answered(self, request: Request) -> None:
        """A person asked about an open or held move, and got an answer."""
        ...

    def ended(self, record: MigrationRecord) -> None:
        """A move ended."""
        ...

    def condition(self, vm: str, condition: Condition) -> None:
        """What is said of a VM changed."""
        ...

    def host(self, state: HostState) -> None:
        """What is said of a host changed."""
        ...

    def trouble(self, reason: str, remedy: str) -> None:
        """The daemon cannot do its work as it should; told at every look while that lasts."""
        ...

    def bug(self, vm: str, bug: BaseException) -> None:
        """A move died of a fault of ferryman's own."""
        ...


class Wakeup:
    """Wakes the loop: at once for a commit or a move's end, within a second for what a host reports.

    Hosts report in bursts, above all while a VM arrives, and looking at them takes processor time from its guest.
    """

    _COALESCE_S = 1.0

    def __init__(self) -> None:
        self._news = threading.Condition()
        self._urgent = False
        self._changed = False

    def wake(self) -> None:
        """Look now."""
        with self._news:
            self._urgent = True
            self._news.notify()

    def changed(self) -> None:
        """Look soon."""
        with self._news:
            self._changed = True
            self._news.notify()

    def wait(self, timeout_s: float) -> None:
        """Until there is a reason to look, or the time is up."""
        with self._news:
            self._news.wait_for(lambda: self._urgent or self._changed, timeout_s)
            if self._changed and not self._urgent:
                self._news.wait_for(lambda: self._urgent, self._COALESCE_S)
            self._urgent = self._changed = False
