"""Remembered records are the files' own, and nothing that happens to what remembers them changes an answer."""

from __future__ import annotations

import math
import os
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from record_samples import MEASURED, NOON, record

from ferryman.records import toml_files
from ferryman.records.audit import whole as audit
from ferryman.records.audit.cache import FILE, FOLDER, WORTH_KEEPING
from ferryman.records.audit.ids import migration_id
from ferryman.records.audit.record import MigrationRecord

HOUR = timedelta(hours=1)


@pytest.fixture
def trail(tmp_path: Path) -> Path:
    """As many records as are worth keeping, read once."""
    (tmp_path / "migrations" / "2026" / "11").mkdir(parents=True)
    for number in range(WORTH_KEEPING):
        write(tmp_path, hours_ago(number))
    assert len(read(tmp_path)) == WORTH_KEEPING
    assert remembered(tmp_path).exists()
    return tmp_path


def hours_ago(number: int) -> MigrationRecord:
    began = NOON - number * HOUR
    return record(record_id=migration_id(began, "guest-01", number), started_at=began)


def write(state: Path, move: MigrationRecord) -> Path:
    path = state / "migrations" / "2026" / "11" / f"{move.id}.toml"
    path.write_bytes(toml_files.to_toml(move))
    return path


def read(state: Path) -> list[MigrationRecord]:
    return list(audit.records(state))


def remembered(state: Path) -> Path:
    return state / FOLDER / FILE


def test_what_is_remembered_is_what_the_files_say(trail: Path) -> None:
    assert read(trail) == [hours_ago(number) for number in range(WORTH_KEEPING)]


def test_it_is_remembered_and_not_read_again(trail: Path) -> None:
    with sqlite3.connect(remembered(trail)) as database:
        (rows,) = database.execute("SELECT count(*) FROM wholes").fetchone()
    database.close()
    assert rows == WORTH_KEEPING


def test_a_few_records_are_not_worth_a_file(tmp_path: Path) -> None:
    (tmp_path / "migrations" / "2026" / "11").mkdir(parents=True)
    write(tmp_path, hours_ago(0))
    assert read(tmp_path) == [hours_ago(0)]
    assert not (tmp_path / FOLDER).exists()


def test_a_file_that_says_something_else_is_read_again(trail: Path) -> None:
    other = replace(hours_ago(0), why="Restored from a backup.")
    path = write(trail, other)
    os.utime(path, ns=(0, 0))
    assert read(trail)[0] == other


def test_a_record_that_is_gone_is_not_remembered(trail: Path) -> None:
    next((trail / "migrations").rglob("*.toml")).unlink()
    assert len(read(trail)) == WORTH_KEEPING - 1


def test_what_cannot_be_remembered_exactly_is_read_each_time(trail: Path) -> None:
    endless = replace(hours_ago(0), measurement=replace(MEASURED, downtime_ms=math.inf))
    write(trail, endless)
    for number in range(1, WORTH_KEEPING):
        write(trail, replace(hours_ago(number), why="Read anew, so that all are remembered anew."))
    assert read(trail)[0] == endless
    assert read(trail)[0] == endless


def no_database(file: Path) -> None:
    file.write_bytes(b"no database" * 1000)


def cut_short(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def emptied(file: Path) -> None:
    os.truncate(file, 0)


def of_another_layout(file: Path) -> None:
    _execute(file, "DROP TABLE heads", "CREATE TABLE heads (path TEXT PRIMARY KEY)")


def rotten(file: Path) -> None:
    _execute(file, "UPDATE wholes SET json = CAST(replace(json, 'tallinn', 'bergen') AS BLOB)")


def rotten_heads(file: Path) -> None:
    _execute(file, "UPDATE heads SET json = CAST('{}' AS BLOB)")


def _execute(file: Path, *commands: str) -> None:
    with sqlite3.connect(file) as database:
        for command in commands:
            database.execute(command)
    database.close()


@pytest.mark.parametrize("damage", [no_database, cut_short, emptied, of_another_layout, rotten, rotten_heads])
def test_what_is_damaged_changes_no_answer(trail: Path, damage: Callable[[Path], None]) -> None:
    damage(remembered(trail))
    assert read(trail) == [hours_ago(number) for number in range(WORTH_KEEPING)]


def test_what_is_no_database_is_made_anew(trail: Path) -> None:
    no_database(remembered(trail))
    read(trail)
    read(trail)
    assert remembered(trail).read_bytes().startswith(b"SQLite format 3")


def test_one_who_writes_there_keeps_nobody_from_reading(trail: Path) -> None:
    writer = sqlite3.connect(remembered(trail))
    writer.execute("BEGIN EXCLUSIVE")
    assert len(read(trail)) == WORTH_KEEPING
    writer.close()


def test_where_nothing_can_be_kept_records_are_read_all_the_same(trail: Path) -> None:
    remembered(trail).unlink()
    (trail / FOLDER).rmdir()
    (trail / FOLDER).write_text("in the way")
    assert len(read(trail)) == WORTH_KEEPING
