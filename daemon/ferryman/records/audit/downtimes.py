"""Each VM's downtimes by method and pair of hosts, kept up move by move in constant time. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from hashlib import blake2b

from ferryman.downtime.running_statistics import Running
from ferryman.downtime.values import MeasurementStatus
from ferryman.records.audit.ordering import in_order
from ferryman.records.audit.record import MigrationRecord, Outcome
from ferryman.records.state.states import MoveStatistics
from ferryman.specs.choices import Method

_Way = tuple[Method, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Moves:
    count: int = 0
    measured: Running = field(default_factory=Running)


class Downtimes:
    """Of all moves that succeeded; those without a figure, or with one of an interrupted move, are counted apart."""

    def __init__(self, records: Iterable[MigrationRecord] = ()) -> None:
        """Begin with these records, in whatever order they come."""
        self._moves: dict[str, dict[_Way, _Moves]] = {}
        for record in in_order(records):
            self.add(record)

    def add(self, record: MigrationRecord) -> None:
        """One move more, the newest; in constant time."""
        if record.outcome is not Outcome.SUCCEEDED:
            return
        ways = self._moves.setdefault(record.vm, {})
        way = (record.method, record.source, record.destination)
        before = ways.get(way, _Moves())
        ways[way] = _with_move(replace(before, count=before.count + 1), record)

    def of(self, vm: str) -> tuple[MoveStatistics, ...]:
        """What is written down of a VM."""
        return tuple(_statistics(way, moves) for way, moves in sorted(self._moves.get(vm, {}).items()))


def _with_move(moves: _Moves, record: MigrationRecord) -> _Moves:
    downtime_ms = record.measurement.downtime_ms
    if record.measurement.status is not MeasurementStatus.MEASURED or downtime_ms is None or record.recovered:
        return moves
    # By the record's id, so that the records of a folder always give the same sample.
    lot = int.from_bytes(blake2b(record.id.encode("utf-8", "replace"), digest_size=8).digest())
    return replace(moves, measured=moves.measured.with_value(downtime_ms, lot))


def _statistics(way: _Way, moves: _Moves) -> MoveStatistics:
    method, source, destination = way
    measured = moves.measured
    return MoveStatistics(
        method=method,
        source=source,
        destination=destination,
        count=moves.count,
        unmeasured=moves.count - measured.count,
        mean_ms=measured.mean if measured.count else None,
        deviation_ms=measured.deviation,
        median_ms=measured.median,
        lowest_ms=measured.lowest,
        highest_ms=measured.highest,
        last_ms=measured.last,
    )
