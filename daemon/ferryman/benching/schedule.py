"""Which move comes next. Pure: from what a run wants, what it has, and where the VM is."""

from __future__ import annotations

from dataclasses import replace

from ferryman.benching.values import BenchMove, BenchRun, Leg
from ferryman.records.audit.record import Outcome

MOST_FAILURES = 3
"""In a row: then a person looks first."""


def legs(run: BenchRun) -> tuple[Leg, ...]:
    """All moves that count, in order: the methods take turns, so that what changes with time changes all of them."""
    return tuple(
        Leg(iteration=iteration, method=method, source=source, destination=destination)
        for iteration in range(1, run.iterations + 1)
        for method in run.methods
        for source, destination in ((run.home, run.away), (run.away, run.home))
    )


def succeeded(run: BenchRun) -> tuple[BenchMove, ...]:
    """The moves that count."""
    return tuple(move for move in run.moves if move.leg.counted and move.outcome is Outcome.SUCCEEDED)


def next_leg(run: BenchRun, at: str) -> Leg | None:
    """The next move of a VM that is `at` a host; None: all is done, and it is home.

    A VM that is not where the next leg begins (somebody moved it, or a run was broken off) is first brought there.
    """
    leg = _wanted(run)
    if leg is None:
        return homeward(run, at)
    return leg if leg.source == at else replace(leg, source=at, destination=leg.source, counted=False)


def homeward(run: BenchRun, at: str) -> Leg | None:
    """The move that ends a run early; None where the VM is home."""
    if at == run.home:
        return None
    leg = _wanted(run)
    if leg is not None and (leg.source, leg.destination) == (at, run.home):
        return leg
    # The method of the last move: it has just been possible.
    method = run.moves[-1].leg.method if run.moves else run.methods[0]
    return Leg(iteration=run.iterations, method=method, source=at, destination=run.home, counted=False)


def _wanted(run: BenchRun) -> Leg | None:
    """The first of the moves that count and were not made yet."""
    made = len(succeeded(run))
    return next(iter(legs(run)[made:]), None)


def has_failed_too_often(run: BenchRun) -> bool:
    """The last moves failed, one after the other."""
    last = run.moves[-MOST_FAILURES:]
    return len(last) == MOST_FAILURES and all(move.outcome is not Outcome.SUCCEEDED for move in last)
