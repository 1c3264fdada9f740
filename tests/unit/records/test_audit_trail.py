"""The audit trail: newest first, filtered, damaged records apart; and what all records together say."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from record_samples import NOON, UUID, record, volume

from ferryman.records.audit.ids import migration_id
from ferryman.records.audit.ledger import VolumePlace, in_doubt, leftovers
from ferryman.records.audit.ordering import in_order, next_number
from ferryman.records.audit.query import Query
from ferryman.records.audit.record import MigrationRecord, Outcome, RemovalRecord
from ferryman.records.audit.whole import records
from ferryman.records.errors import RecordError
from ferryman.records.store import StateStore

OTHER_UUID = "6b9a7c1e-0000-4000-8000-000000000002"
LEFT = VolumePlace(host="tallinn", pool="vms", name="guest-01.qcow2")


def at(started_at: datetime, vm: str = "guest-01", destination: str = "skopje") -> MigrationRecord:
    return record(record_id=migration_id(started_at, vm, 7), started_at=started_at, vm=vm, destination=destination)


def test_an_id_says_when_and_which_vm() -> None:
    started_at = datetime(2026, 11, 23, 10, 15, 2, tzinfo=UTC)

    assert migration_id(started_at, "guest-01", 0x3F2A) == "20261123T101502Z-guest-01-3f2a"


def test_an_id_of_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="names no zone"):
        migration_id(NOON.replace(tzinfo=None), "guest-01", 0)


@pytest.fixture
def trail(tmp_path: Path) -> Path:
    """Four moves over three months and two years."""
    moves = [
        at(datetime(2025, 12, 31, 23, 59, tzinfo=UTC)),
        at(datetime(2026, 2, 1, tzinfo=UTC), vm="guest-02", destination="oslo"),
        at(datetime(2026, 2, 3, tzinfo=UTC)),
        at(NOON, destination="oslo"),
    ]
    with StateStore.open(tmp_path) as store:
        for move in moves:
            store.write_record(move)
    return tmp_path


def test_records_come_newest_first(trail: Path) -> None:
    starts = [found.started_at for found in records(trail)]

    assert len(starts) == 4
    assert starts == sorted(starts, reverse=True)


def test_records_are_asked_for_by_vm_host_and_time(trail: Path) -> None:
    february = Query(since=datetime(2026, 2, 2, tzinfo=UTC), until=NOON)

    assert [found.vm for found in records(trail, Query.of_vm("guest-02"))] == ["guest-02"]
    assert len(list(records(trail, Query(hosts=frozenset({"oslo"}))))) == 2
    assert len(list(records(trail, Query(hosts=frozenset({"oslo", "tallinn"}))))) == 4
    assert [found.started_at.day for found in records(trail, february)] == [3]


def test_the_newest_are_there_without_the_others_being_read(trail: Path) -> None:
    broken = next((trail / "migrations" / "2025").rglob("*.toml"))
    broken.write_bytes(b"id = ")
    damaged: list[RecordError] = []

    assert next(records(trail, on_damaged=damaged.append)).started_at == NOON
    assert damaged == []


def test_no_trail_is_an_empty_trail(tmp_path: Path) -> None:
    assert list(records(tmp_path / "nowhere")) == []


def test_a_damaged_record_is_reported_and_the_others_are_read(trail: Path) -> None:
    broken = next((trail / "migrations" / "2026" / "02").glob("*guest-02*"))
    broken.write_bytes(b"id = ")
    damaged: list[RecordError] = []

    assert len(list(records(trail, on_damaged=damaged.append))) == 3
    assert [error.path for error in damaged] == [broken]


def move(hours: int, source: str, destination: str, outcome: Outcome = Outcome.SUCCEEDED) -> MigrationRecord:
    succeeded = outcome is Outcome.SUCCEEDED
    return record(
        record_id=migration_id(NOON + timedelta(hours=hours), "guest-01", 7),
        started_at=NOON + timedelta(hours=hours),
        source=source,
        destination=destination,
        outcome=outcome,
        created=(volume(destination),),
        left_behind=(volume(source),) if succeeded else (),
    )


def left(records: list[MigrationRecord], removals: list[RemovalRecord] | None = None) -> dict[VolumePlace, str]:
    """The volumes left behind, with the UUID of the VM that left each."""
    return {place: one.record.uuid for place, one in leftovers(records, removals or []).items()}


def removal(of: MigrationRecord) -> RemovalRecord:
    return RemovalRecord(
        id=f"{of.id}-gone", vm=of.vm, uuid=of.uuid, volume=of.left_behind[0], migration=of.id, removed_at=NOON
    )


def test_what_was_removed_is_no_leftover_any_more() -> None:
    away = move(0, "tallinn", "skopje")

    assert left([away], [removal(away)]) == {}


def test_a_removal_speaks_of_what_one_move_left_and_of_nothing_later() -> None:
    away, back, away_again = move(0, "tallinn", "skopje"), move(1, "skopje", "tallinn"), move(2, "tallinn", "skopje")

    assert left([away, back, away_again], [removal(away)]) == {LEFT: UUID}


def test_a_move_leaves_its_source_volume_to_its_own_vm() -> None:
    assert left([move(0, "tallinn", "skopje")]) == {LEFT: UUID}


def test_a_volume_that_a_return_created_again_is_in_use() -> None:
    there_and_back = [move(1, "skopje", "tallinn"), move(0, "tallinn", "skopje")]

    assert left(there_and_back) == {VolumePlace(host="skopje", pool="vms", name="guest-01.qcow2"): UUID}


def test_even_a_failed_return_ends_a_leftover() -> None:
    """What it could not remove at that place is its own."""
    failed_return = move(1, "skopje", "tallinn", Outcome.FAILED)

    assert {one.record.id for one in leftovers([move(0, "tallinn", "skopje"), failed_return]).values()} == {
        failed_return.id
    }


def test_a_failed_move_leaves_nothing_behind_but_what_it_created_and_could_not_remove() -> None:
    failed = record(outcome=Outcome.FAILED, left_behind=(volume("tallinn"),))
    undone_in_part = record(outcome=Outcome.FAILED, created=(volume("skopje"),))

    assert leftovers([failed]) == {}
    assert set(leftovers([undone_in_part])) == {VolumePlace(host="skopje", pool="vms", name="guest-01.qcow2")}


def test_a_held_move_leaves_nothing_behind_before_a_person_decided() -> None:
    held = move(0, "tallinn", "skopje", Outcome.HELD)
    assert leftovers([held]) == {}
    assert {one.record.id for one in in_doubt([held]).values()} == {held.id}


def test_what_a_held_move_created_is_in_doubt_until_its_place_is_used_or_its_vm_found_there() -> None:
    held = move(0, "tallinn", "skopje", Outcome.HELD)
    failed = record(started_at=NOON + timedelta(hours=1), source="tallinn", outcome=Outcome.FAILED)
    found_there = replace(failed, source="skopje", destination="tallinn")
    created_again = move(2, "tallinn", "skopje")

    assert set(in_doubt([held, failed])) == {VolumePlace(host="skopje", pool="vms", name="guest-01.qcow2")}
    assert in_doubt([held, found_there]) == {}
    assert in_doubt([held, created_again]) == {}


def test_a_vm_that_somebody_brought_back_uses_its_old_volume() -> None:
    away = move(0, "tallinn", "skopje")
    tried_again = record(started_at=NOON + timedelta(hours=1), source="tallinn", outcome=Outcome.FAILED)

    assert leftovers([away, tried_again]) == {}


def test_another_vm_at_the_host_does_not_touch_the_leftover() -> None:
    other = record(
        started_at=NOON + timedelta(hours=1), vm="guest-02", uuid=OTHER_UUID, left_behind=(volume("tallinn", "b"),)
    )

    assert left([move(0, "tallinn", "skopje"), other]) == {
        LEFT: UUID,
        VolumePlace(host="tallinn", pool="vms", name="b"): OTHER_UUID,
    }


def test_a_clock_that_was_set_back_between_two_moves_makes_no_leftover_of_the_disk_in_use() -> None:
    away = replace(move(5, "tallinn", "skopje"), number=1)
    back_an_hour_before = replace(move(4, "skopje", "tallinn"), number=2)

    assert left([back_an_hour_before, away]) == {VolumePlace(host="skopje", pool="vms", name="guest-01.qcow2"): UUID}


def test_records_of_before_they_were_numbered_come_first_and_by_their_times() -> None:
    old, older, new = move(2, "tallinn", "skopje"), move(1, "skopje", "tallinn"), move(0, "skopje", "tallinn")

    assert in_order([replace(new, number=1), old, older]) == [older, old, replace(new, number=1)]
    assert next_number([]) == 1
