"""A house in which waiting takes the clock's time and no other, and whose daemon can be killed."""

from __future__ import annotations

from pathlib import Path

from baton import Baton, HandNews, HandStop
from house import HandClock, House

from ferryman.reconciler.loop import Look

_HOUR_S = 3600
_MOST_ROUNDS = 50


class Timed:
    """The house, its daemon, and what passes."""

    def __init__(self, folder: Path) -> None:
        clock = HandClock()
        self.baton = Baton(clock)
        self.house = House(
            folder,
            folder / "specs",
            clock=clock,
            work=self.baton,
            make_stop=lambda: HandStop(self.baton),
            news=HandNews(self.baton),
        )
        self.daemon = self.house.start()

    def look(self) -> Look:
        """Look, and again until no move is under way."""
        for _ in range(_MOST_ROUNDS):
            found = self.daemon.look()
            if not found.moving:
                return found
            while self.baton.tasks:
                self.baton.round()
        raise AssertionError("does not come to rest")

    def passes(self, hours: float) -> None:
        self.house.clock.passed_s += hours * _HOUR_S

    def is_killed(self) -> None:
        """SIGKILL, and another daemon."""
        self.baton.kill()
        self.daemon.view.close()
        self.daemon.store.close()
        self.house.daemons.clear()
        self.daemon = self.house.start()

    def close(self) -> None:
        """Nothing of it goes on."""
        self.baton.kill()
        self.house.close()
        assert self.house.heard.bugs == []
        assert self.house.fleet.violations == []
