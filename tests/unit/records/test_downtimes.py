"""Downtimes by VM, method and pair of hosts; what was not measured is in no figure."""

from __future__ import annotations

from datetime import timedelta

from record_samples import MEASURED, NOON, UNMEASURED, record

from ferryman.records.audit.downtimes import Downtimes
from ferryman.records.audit.record import MigrationRecord, Outcome
from ferryman.records.state.states import MoveStatistics
from ferryman.specs.choices import Method

MOVES = (
    record(),
    record(measurement=UNMEASURED),
    record(source="skopje", destination="tallinn"),
    record(method=Method.COLD, measurement=UNMEASURED),
    record(outcome=Outcome.FAILED),
    record(vm="guest-02"),
)


def test_methods_and_pairs_of_hosts_are_kept_apart() -> None:
    cold, back, there = Downtimes(MOVES).of("guest-01")

    assert (cold.method, cold.count, cold.unmeasured, cold.median_ms) == (Method.COLD, 1, 1, None)
    assert (back.source, back.destination, back.count) == ("skopje", "tallinn", 1)
    assert (there.count, there.unmeasured, there.median_ms, there.last_ms) == (2, 1, MEASURED.downtime_ms, 94.0)


def test_a_vm_that_never_moved_has_none() -> None:
    assert Downtimes(MOVES).of("guest-09") == ()


def test_kept_up_move_by_move_they_are_those_of_all_records() -> None:
    def at(hour: int) -> MigrationRecord:
        began = NOON + timedelta(hours=hour)
        return record(record_id=f"{began:%Y%m%dT%H%M%SZ}-guest-01-0000", started_at=began)

    moves = [at(hour) for hour in range(300)]
    kept_up = Downtimes(moves[:150])
    for move in moves[150:]:
        kept_up.add(move)

    assert kept_up.of("guest-01") == Downtimes(reversed(moves)).of("guest-01")
    assert isinstance(kept_up.of("guest-01")[0], MoveStatistics)
