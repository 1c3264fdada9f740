"""A bench's figures: as tables for people, as JSON and CSV for programs."""

from __future__ import annotations

import csv
import io
import json
import sys
from typing import TextIO

from rich.console import Console
from rich.table import Table

from ferryman.benching.schedule import legs, succeeded
from ferryman.benching.summing import FEWEST, Comparison, Summary, comparisons, summaries
from ferryman.benching.values import BenchMove, BenchRun
from ferryman.cli.options import plain
from ferryman.downtime.statistics import Interval, Spread
from ferryman.downtime.values import MeasurementStatus
from ferryman.records.audit.record import Outcome

_SECONDS_FROM_MS = 10_000
"""Longer times are told in seconds."""


class Teller:
    """Says each move's figures as soon as they are known."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def tell(self, run: BenchRun, move: BenchMove) -> None:
        """One line."""
        done, of = len(succeeded(run)), len(legs(run))
        number = f"{done}/{of}" if move.leg.counted and move.outcome is Outcome.SUCCEEDED else "-"
        way = f"{move.leg.source} -> {move.leg.destination}"
        self._stream.write(
            f"{number:>7} {move.leg.method}: {way}: {_said(move)}, {_time(move.total_ms)} until it had moved\n"
        )
        self._stream.flush()


def print_tables(run: BenchRun) -> None:
    """Each value, then what they come to."""
    console = Console(width=None if sys.stdout.isatty() else 160, markup=False, highlight=False)
    console.print(f"{run.vm}, {run.home} <-> {run.away}, downtime as users feel it:")
    console.print(_values(run))
    console.print(_sums(summaries(run)))
    for one in comparisons(run):
        console.print(_compared(one))
    missing = len(legs(run)) - len(succeeded(run))
    if missing:
        console.print(f"{missing} of {len(legs(run))} moves are missing; go on with --resume")


def run_json(run: BenchRun) -> str:
    """Everything: the run with its moves, summaries, comparisons."""
    return json.dumps(
        {"run": plain(run), "summaries": plain(summaries(run)), "comparisons": plain(comparisons(run))}, indent=2
    )


_COLUMNS = (
    *("vm", "iteration", "method", "source", "destination", "counted", "outcome", "status"),
    *("downtime_ms", "downtime_lower_ms", "downtime_upper_ms", "hypervisor_downtime_ms", "total_ms", "record"),
)


def run_csv(run: BenchRun) -> str:
    """One line per move, with a heading."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(_COLUMNS)
    for move in run.moves:
        leg = move.leg
        figures = (move.downtime_ms, move.downtime_lower_ms, move.downtime_upper_ms, move.hypervisor_downtime_ms)
        table.writerow(
            [
                *(run.vm, leg.iteration, leg.method.value, leg.source, leg.destination, str(leg.counted).lower()),
                *(move.outcome.value, move.status.value, *figures, move.total_ms, move.id),
            ]
        )
    return text.getvalue()


def _values(run: BenchRun) -> Table:
    """A line per round, two columns per method."""
    ways = [(method, source) for method in run.methods for source in (run.home, run.away)]
    other = {run.home: run.away, run.away: run.home}
    table = Table("round", *(f"{method} {source} -> {other[source]}" for method, source in ways), box=None)
    found = {(move.leg.iteration, move.leg.method, move.leg.source): move for move in succeeded(run)}
    for iteration in range(1, run.iterations + 1):
        moves = [found.get((iteration, method, source)) for method, source in ways]
        table.add_row(str(iteration), *("-" if move is None else _said(move) for move in moves))
    return table


def _sums(summed: tuple[Summary, ...]) -> Table:
    table = Table(
        *("method", "direction", "moves", "mean", "median", "95 % of median", "lowest", "highest", "std dev"),
        *("vCPUs paused (median)", "until moved (median)"),
        box=None,
    )
    for one in summed:
        moves = f"{one.moves}" + (f" ({one.without_figure} without a figure)" if one.without_figure else "")
        rest = (_median(one.hypervisor_downtime_ms), _median(one.total_ms))
        table.add_row(one.method.value, one.direction, moves, *_figures(one.downtime_ms), *rest)
    return table


def _figures(found: Spread | None) -> tuple[str, ...]:
    if found is None:
        return ("-",) * 6
    deviation = "-" if found.deviation is None else _time(found.deviation)
    interval = "-" if found.median_interval is None else _interval(found.median_interval)
    middle = (_time(found.mean), _time(found.median), interval)
    return (*middle, _time(found.lowest), _time(found.highest), deviation)


def _compared(one: Comparison) -> str:
    if one.interval_ms is None:
        medians = f"{one.method} less {one.other}, medians: {one.median_difference_ms:+.1f} ms"
        return f"{medians}: too few moves to tell them apart ({FEWEST} of each with a figure are needed)"
    more, less = one.interval_ms.low > 0, one.interval_ms.high < 0
    verdict = f"{one.method} is down for longer" if more else f"{one.method} is down for less long"
    told = verdict if more or less else "these moves do not tell them apart"
    ratio = "" if one.ratio is None else f", ratio {one.ratio:.2f}"
    difference = f"{one.median_difference_ms:+.1f} ms ({one.interval_ms.low:+.1f} to {one.interval_ms.high:+.1f})"
    return f"{one.method} less {one.other}, medians: {difference}{ratio}: {told}"


def _said(move: BenchMove) -> str:
    if move.outcome is not Outcome.SUCCEEDED:
        return f"{move.outcome}: {move.reason}"
    if move.status is not MeasurementStatus.MEASURED or move.downtime_ms is None:
        return f"{move.status} ({move.reason})"
    low, high = move.downtime_lower_ms or 0.0, move.downtime_upper_ms or 0.0
    return f"{_time(move.downtime_ms)} ({low:.0f}-{high:.0f} ms)"


def _median(found: Spread | None) -> str:
    return "-" if found is None else _time(found.median)


def _interval(one: Interval) -> str:
    return f"{_time(one.low)} .. {_time(one.high)}"


def _time(milliseconds: float) -> str:
    if milliseconds >= _SECONDS_FROM_MS:
        return f"{milliseconds / 1000:.2f} s"
    return f"{milliseconds:.1f} ms" if milliseconds < 1000 else f"{milliseconds:.0f} ms"
