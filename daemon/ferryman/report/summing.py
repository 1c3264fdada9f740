"""Moves summed up: by method, by VM, over time. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from statistics import quantiles

from ferryman.downtime.statistics import summarise
from ferryman.records.audit.head import Outcome, RecordHead, Verdict
from ferryman.report.model import MedianPoint, Summary, VmSummary
from ferryman.report.reading import counted_ms, downtime_ms, is_counted, method_of
from ferryman.specs.choices import Method

METHODS = (Method.LIVE, Method.POST_COPY, Method.PAUSED, Method.COLD)
"""In the order in which they are told: the least disruptive first."""

_WIDTHS = tuple(timedelta(hours=hours) for hours in (1, 6, 24, 24 * 7, 24 * 30, 24 * 365))
_STRETCHES = 60
"""A line of more points shows noise."""
_MOVES_IN_ONE = 5
"""So many at least, on average: a median of one is that one."""


def summary(moves: Iterable[RecordHead]) -> Summary:
    """These moves in figures."""
    known = list(moves)
    verdicts = Counter(move.verdict for move in known)
    return Summary(
        moves=len(known),
        succeeded=sum(move.outcome is Outcome.SUCCEEDED for move in known),
        statistics=summarise(move.measurement for move in known if is_counted(move) or downtime_ms(move) is None),
        verdicts={verdict: verdicts[verdict] for verdict in Verdict},
    )


def by_method(moves: Iterable[RecordHead]) -> Mapping[Method, Summary]:
    """A summary for each method that occurs."""
    groups = _grouped(moves)
    return {method: summary(groups[method]) for method in METHODS if method in groups}


def by_vm(moves: Iterable[RecordHead]) -> tuple[VmSummary, ...]:
    """A summary for each VM and method, by name."""
    groups: dict[tuple[str, Method], list[RecordHead]] = defaultdict(list)
    for move in moves:
        groups[move.vm, method_of(move)].append(move)
    ordered = sorted(groups.items(), key=lambda item: (item[0][0], METHODS.index(item[0][1])))
    return tuple(VmSummary(vm=vm, method=method, summary=summary(group)) for (vm, method), group in ordered)


def medians(moves: Sequence[RecordHead]) -> Mapping[Method, tuple[MedianPoint, ...]]:
    """For each method the median downtime in equal stretches of time.

    The stretches are hours, days, weeks, … so wide that there are at most some sixty with some moves in each, and
    alike for all methods.
    """
    measured = [move for move in moves if counted_ms(move) is not None]
    width = _width([move.started_at for move in measured])
    lines = {method: _line(group, width) for method, group in _grouped(measured).items()}
    return {method: lines[method] for method in METHODS if method in lines}


def _grouped(moves: Iterable[RecordHead]) -> Mapping[Method, list[RecordHead]]:
    groups: dict[Method, list[RecordHead]] = defaultdict(list)
    for move in moves:
        groups[method_of(move)].append(move)
    return groups


def _width(times: Sequence[datetime]) -> timedelta:
    if not times:
        return _WIDTHS[-1]
    whole = max(times) - min(times)
    wanted = min(_STRETCHES, len(times) / _MOVES_IN_ONE)
    return next((width for width in _WIDTHS if whole / width <= wanted), _WIDTHS[-1])


def _line(moves: Iterable[RecordHead], width: timedelta) -> tuple[MedianPoint, ...]:
    stretches: dict[int, list[float]] = defaultdict(list)
    for move in moves:
        stretches[int(move.started_at.timestamp() // width.total_seconds())].append(counted_ms(move) or 0.0)
    return tuple(
        _point(datetime.fromtimestamp((number + 0.5) * width.total_seconds(), UTC), downtimes)
        for number, downtimes in sorted(stretches.items())
    )


def _point(at: datetime, downtimes_ms: Sequence[float]) -> MedianPoint:
    # Of a single value there are no quartiles, of it twice there are.
    lower, middle, upper = quantiles([*downtimes_ms, *downtimes_ms[: len(downtimes_ms) == 1]], method="inclusive")
    return MedianPoint(
        at=at, median_ms=middle, lower_quartile_ms=lower, upper_quartile_ms=upper, moves=len(downtimes_ms)
    )
