"""A guest that does not answer where it arrived is announced again; one that answers never."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from stand import VM, Stand

from ferryman.fleet.fake.faults import Operation
from ferryman.migration.announcing import TRIES, gap_s, may_announce
from ferryman.migration.host_pair import HostPair
from ferryman.migration.intent import Intent
from ferryman.migration.logbook import Logbook
from ferryman.migration.move import Move
from ferryman.migration.reaching import announce_until_answered
from ferryman.records.audit.timeline import Mark
from ferryman.records.journal.entry import Step
from ferryman.specs.choices import Method


class TestWhen:
    def test_the_gaps_grow_by_half_and_end(self) -> None:
        assert [gap_s(tries) for tries in range(TRIES)] == pytest.approx([0.8, 1.2, 1.8, 2.7, 4.05])
        assert gap_s(TRIES) is None

    @pytest.mark.parametrize("method", [Method.LIVE, Method.POST_COPY, Method.PAUSED])
    def test_a_guest_that_arrived_running_and_whose_spec_lets_it(self, method: Method) -> None:
        assert may_announce(method, arrived=True, allowed=True)
        assert not may_announce(method, arrived=False, allowed=True)
        assert not may_announce(method, arrived=True, allowed=False)

    def test_one_that_boots_says_itself_where_it_is(self) -> None:
        assert not may_announce(Method.COLD, arrived=True, allowed=True)


def arrived(stand: Stand) -> Move:
    """A move whose VM runs at the destination by now, and no longer at the source."""
    move = Move(
        intent=Intent(entry=stand.left_open(Method.LIVE, Step.FINISHING), journal=stand.journal),
        logbook=Logbook(clock=stand.clock, tell=lambda *_: None, started_ns=0),
        ends=HostPair(source=stand.source, destination=stand.destination),
        clock=stand.clock,
        stop=stand.stop,
    )
    stand.destination.add_vm(VM)
    stand.source.domains.known.clear()
    return move


def silent(stand: Stand, times: int) -> Callable[[float], bool]:
    """A service that is waited for in vain so many times; waiting takes the stand's time."""
    waits = iter([True] * times)

    def hears_nothing_for(wait_s: float) -> bool:
        stand.stop.wait(wait_s)
        return next(waits, False)

    return hears_nothing_for


def announced_ms(move: Move) -> list[int]:
    return [one.at_ns // 1_000_000 for one in move.logbook.noted if one.mark is Mark.ANNOUNCED]


class TestDoing:
    @pytest.mark.parametrize("times", range(4))
    def test_until_it_answers(self, stand: Stand, times: int) -> None:
        move = arrived(stand)
        announce_until_answered(move, silent(stand, times))
        assert stand.destination.domains.known[VM].announced == times
        assert stand.source.faults.made(Operation.ANNOUNCE) == 0
        assert announced_ms(move) == [800, 2000, 3800][:times]

    def test_up_to_a_limit(self, stand: Stand) -> None:
        move = arrived(stand)
        announce_until_answered(move, silent(stand, 100))
        assert announced_ms(move) == [800, 2000, 3800, 6500, 10_550]
        assert {one.host for one in move.logbook.noted} == {"skopje"}

    def test_not_by_a_daemon_that_is_stopping(self, stand: Stand) -> None:
        move = arrived(stand)
        stand.stop.waits_until_set = 2
        announce_until_answered(move, silent(stand, 100))
        assert announced_ms(move) == [800]

    def test_a_host_that_cannot_is_asked_once_and_the_record_warns(self, stand: Stand) -> None:
        move = arrived(stand)
        stand.destination.faults.fail_next(Operation.ANNOUNCE)
        announce_until_answered(move, silent(stand, 100))
        assert stand.destination.faults.made(Operation.ANNOUNCE) == 1
        assert [one.mark for one in move.logbook.noted] == [Mark.ANNOUNCING_FAILED]
        assert "could not be announced again" in move.warnings[0]
