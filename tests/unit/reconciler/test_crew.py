"""The moves under way: their ends are collected, and waiting for them has one deadline."""

from __future__ import annotations

import threading
import time

import pytest

from ferryman.planning.admission import Route
from ferryman.reconciler.crew import Crew
from ferryman.reconciler.deciding import UnderWay
from ferryman.records.audit.record import MigrationRecord
from ferryman.records.state.conditions import InFlight
from ferryman.specs.choices import Method

SOON_S = 20.0


class Moves:
    """A crew whose moves wait until a test lets them end."""

    def __init__(self) -> None:
        self.woken = threading.Semaphore(0)
        self.may_end = threading.Event()
        self.crew = Crew(self.woken.release)

    def begin(self, vm: str) -> None:
        move = UnderWay(way=Route(vm=vm, source="tallinn", destination="skopje"), memory_mib=96)
        status = InFlight(vm=vm, source="tallinn", destination="skopje", method=Method.LIVE)
        self.crew.begin(move, status, self._work)

    def _work(self) -> MigrationRecord | None:
        assert self.may_end.wait(SOON_S)
        return None


def test_a_move_counts_until_its_end_is_collected() -> None:
    moves = Moves()
    moves.begin("guest-01")
    assert moves.crew.moving() == {"guest-01"}
    assert moves.crew.collect() == []
    moves.may_end.set()
    assert moves.woken.acquire(timeout=SOON_S)
    assert moves.crew.moving() == {"guest-01"}
    assert [finished.move.way.vm for finished in moves.crew.collect()] == ["guest-01"]
    assert moves.crew.moving() == frozenset()


def test_one_vm_is_never_moved_twice_at_once() -> None:
    moves = Moves()
    moves.begin("guest-01")
    with pytest.raises(AssertionError, match="being moved already"):
        moves.begin("guest-01")
    moves.may_end.set()


def test_waiting_for_many_takes_no_longer_than_for_one() -> None:
    moves = Moves()
    for number in range(10):
        moves.begin(f"guest-{number:02}")
    began = time.monotonic()
    moves.crew.wait(0.3)
    assert time.monotonic() - began < 2
    assert moves.crew.collect() == []
    moves.may_end.set()
    moves.crew.wait(SOON_S)
    assert len(moves.crew.collect()) == 10
