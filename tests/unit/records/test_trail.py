"""Walking thousands of records: parsed by several processes or remembered, what is told is what the files say."""

from __future__ import annotations

import json
from datetime import timedelta
from itertools import islice
from pathlib import Path

import pytest
from record_samples import NOON, record

from ferryman.records import toml_files
from ferryman.records.audit import trail
from ferryman.records.audit import whole as audit
from ferryman.records.audit.as_json import WORTH_A_PROCESS
from ferryman.records.audit.cache import FOLDER
from ferryman.records.audit.ids import migration_id
from ferryman.records.audit.query import Query
from ferryman.records.audit.record import MigrationRecord
from ferryman.records.errors import RecordError

MANY = WORTH_A_PROCESS + 120
"""Enough for several processes, after the first hundred."""
VMS = ("guest-01", "guest-02", "guest-03")


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Many records of three VMs, one of them damaged."""
    folder = tmp_path_factory.mktemp("state")
    for number in range(MANY):
        move = one(number)
        path = folder / "migrations" / f"{move.started_at:%Y}" / f"{move.started_at:%m}" / f"{move.id}.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"vm = " if number == MANY - 1 else toml_files.to_toml(move))
    return folder


def one(number: int) -> MigrationRecord:
    began = NOON - number * timedelta(hours=7)
    vm = VMS[number % 3]
    return record(record_id=migration_id(began, vm, number), vm=vm, started_at=began)


@pytest.mark.parametrize("processes", [1, 3])
def test_several_processes_tell_the_same_as_one_and_as_what_is_remembered(state: Path, processes: int) -> None:
    for remembered in (state / FOLDER).glob("*"):
        remembered.unlink()
    for _ in range(2):
        damaged: list[RecordError] = []
        told = list(trail.heads(state, Query.of_vm(VMS[0]), on_damaged=damaged.append, processes=processes))
        assert [head.id for head in told] == [one(number).id for number in range(0, MANY - 1, 3)]
        assert [error.path.name for error in damaged] == [f"{one(MANY - 1).id}.toml"]
        assert "remedy" not in damaged[0].reason
        assert damaged[0].remedy


def test_heads_texts_and_records_say_the_same(state: Path) -> None:
    records = list(audit.records(state))
    for whole, head, text in zip(records, trail.heads(state), trail.texts(state), strict=True):
        assert (whole.id, whole.vm, whole.measurement.downtime_ms) == (
            head.id,
            head.vm,
            head.measurement.downtime_ms,
        )
        assert toml_files.from_json(Path(), text, MigrationRecord) == whole
        assert json.loads(text)["why"] == whole.why


def test_the_newest_are_told_without_a_look_at_the_others(state: Path) -> None:
    for remembered in (state / FOLDER).glob("*"):
        remembered.unlink()
    told = islice(trail.heads(state, processes=3), 2)
    assert [head.id for head in told] == [one(0).id, one(1).id]
    assert not list((state / FOLDER).glob("*"))
