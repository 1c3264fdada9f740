"""What the moves of a run come to. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from ferryman.benching.schedule import succeeded
from ferryman.benching.values import BenchMove, BenchRun
from ferryman.downtime.statistics import Interval, Spread, median_difference_interval, spread
from ferryman.downtime.values import MeasurementStatus
from ferryman.specs.choices import Method

FEWEST = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """One method's moves in one direction, or in both."""

    method: Method
    direction: str
    """SOURCE -> DESTINATION, or `both ways`."""
    moves: int
    without_figure: int
    """Unmeasured, not back when probing ended, or interrupted and taken up again: in no figure of downtime."""
    downtime_ms: Spread | None = None
    hypervisor_downtime_ms: Spread | None = None
    total_ms: Spread | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two methods' downtimes, both ways."""

    method: Method
    other: Method
    median_difference_ms: float
    """Above 0: `method` is down for longer."""
    interval_ms: Interval | None
    """None: of fewer than `FEWEST` moves each, which tell no two methods apart."""
    ratio: float | None
    """Of the medians; None: the other's is 0."""


def summaries(run: BenchRun) -> tuple[Summary, ...]:
    """Of each method, each direction and both."""
    groups: defaultdict[tuple[Method, str], list[BenchMove]] = defaultdict(list)
    for move in succeeded(run):
        groups[move.leg.method, f"{move.leg.source} -> {move.leg.destination}"].append(move)
        groups[move.leg.method, "both ways"].append(move)
    directions = (f"{run.home} -> {run.away}", f"{run.away} -> {run.home}", "both ways")
    asked = [(method, direction) for method in run.methods for direction in directions]
    return tuple(_summary(*key, groups[key]) for key in asked if groups[key])


def comparisons(run: BenchRun) -> tuple[Comparison, ...]:
    """Every two methods, in the order in which they were asked for."""
    downtimes = {
        method: _downtimes([move for move in succeeded(run) if move.leg.method is method]) for method in run.methods
    }
    pairs = combinations([method for method in run.methods if downtimes[method]], 2)
    return tuple(_comparison(method, other, downtimes[method], downtimes[other]) for method, other in pairs)


def _comparison(method: Method, other: Method, values: Sequence[float], others: Sequence[float]) -> Comparison:
    here, there = spread(values).median, spread(others).median
    return Comparison(
        method=method,
        other=other,
        median_difference_ms=here - there,
        interval_ms=median_difference_interval(values, others) if min(len(values), len(others)) >= FEWEST else None,
        ratio=here / there if there else None,
    )


def _summary(method: Method, direction: str, moves: Sequence[BenchMove]) -> Summary:
    downtimes = _downtimes(moves)
    paused = [float(move.hypervisor_downtime_ms) for move in moves if move.hypervisor_downtime_ms is not None]
    return Summary(
        method=method,
        direction=direction,
        moves=len(moves),
        without_figure=len(moves) - len(downtimes),
        downtime_ms=spread(downtimes) if downtimes else None,
        hypervisor_downtime_ms=spread(paused) if paused else None,
        total_ms=spread([move.total_ms for move in moves]) if moves else None,
    )


def _downtimes(moves: Sequence[BenchMove]) -> list[float]:
    return [
        move.downtime_ms
        for move in moves
        if move.status is MeasurementStatus.MEASURED and move.downtime_ms is not None and not move.recovered
    ]
