"""The moves under way: a thread each, whose result the loop collects."""

from __future__ import annotations

import queue
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

from ferryman.migration.working import THREADS, Work
from ferryman.reconciler.deciding import UnderWay
from ferryman.records.audit.record import MigrationRecord
from ferryman.records.state.conditions import InFlight


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A move that ended. No record: the daemon is stopping, and the journal keeps the move open."""

    move: UnderWay
    record: MigrationRecord | None
    bug: BaseException | None = None
    """What the move's thread died of, if it did: a fault of ferryman's own."""


class Crew:
    """One worker per move; at most one move per VM."""

    def __init__(self, wake: Callable[[], None], work: Work = THREADS) -> None:
        self._wake = wake
        self._work = work
        self._finished: queue.SimpleQueue[Finished] = queue.SimpleQueue()
        self._moves: dict[str, tuple[UnderWay, InFlight, Future[None]]] = {}

    def begin(self, move: UnderWay, status: InFlight, task: Callable[[], MigrationRecord | None]) -> None:
        """Do this beside the loop."""
        vm = move.way.vm
        done: Future[None] = Future()
        if vm in self._moves:
            raise AssertionError(f"{vm} is being moved already")

        def run() -> None:
            try:
                finished = Finished(move=move, record=task())
            except Exception as bug:  # noqa: BLE001 - the boundary of a move: the others go on, the journal keeps it
                finished = Finished(move=move, record=None, bug=bug)
            self._finished.put(finished)
            done.set_result(None)
            self._wake()

        self._moves[vm] = (move, status, done)
        self._work.begin(f"move {vm}", run)

    def under_way(self) -> list[UnderWay]:
        """The moves that have begun and were not collected yet."""
        return [move for move, _, _ in self._moves.values()]

    def moving(self) -> frozenset[str]:
        """Their VMs."""
        return frozenset(self._moves)

    def statuses(self) -> dict[str, InFlight]:
        """What is said of them."""
        return {vm: status for vm, (_, status, _) in self._moves.items()}

    def collect(self) -> list[Finished]:
        """The moves that ended since the last call."""
        ended = []
        while not self._finished.empty():
            finished = self._finished.get()
            del self._moves[finished.move.way.vm]
            ended.append(finished)
        return ended

    def wait(self, timeout_s: float) -> None:
        """Give all moves together this long to end."""
        self._work.wait([done for _, _, done in self._moves.values()], timeout_s)
