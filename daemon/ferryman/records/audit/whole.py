"""Reading whole audit records; where their heads will do, `trail` is several times as fast."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from ferryman.records import toml_files
from ferryman.records.audit import trail
from ferryman.records.audit.query import ALL, Query
from ferryman.records.audit.record import MigrationRecord, RemovalRecord
from ferryman.records.audit.trail import OnDamaged, ignore_damaged
from ferryman.records.errors import RecordError

T = TypeVar("T")
_ID = re.compile(r"\d{8}T\d{6}Z-[^/]+")
"""As `records.ids` makes them: a record's month, and so its folder, is in its id."""


def records(
    state_folder: Path, query: Query = ALL, *, on_damaged: OnDamaged = ignore_damaged
) -> Iterator[MigrationRecord]:
    """The records that are asked for, newest first; as `trail.heads`."""
    with closing(trail.matching(state_folder, query, on_damaged, whole=True, processes=1)) as found:
        for path, _, text in found:
            try:
                yield toml_files.from_json(Path(path), text, MigrationRecord)
            except RecordError as error:
                on_damaged(error)


def record(state_folder: Path, record_id: str) -> MigrationRecord | None:
    """The record of that id; None where there is none. Raises RecordError for one that cannot be read."""
    if not _ID.fullmatch(record_id):
        return None
    path = state_folder / "migrations" / record_id[:4] / record_id[4:6] / f"{record_id}.toml"
    return toml_files.read(path, MigrationRecord) if path.exists() else None


def removals(state_folder: Path, on_damaged: OnDamaged = ignore_damaged) -> Iterator[RemovalRecord]:
    """What `ferryman gc` removed, newest first."""
    for entry in trail.files(state_folder / "removals"):
        removal = _read(Path(entry.path), RemovalRecord, on_damaged)
        if removal is not None:
            yield removal


def _read(path: Path, kind: type[T], on_damaged: OnDamaged) -> T | None:
    try:
        return toml_files.read(path, kind)
    except RecordError as error:
        on_damaged(error)
        return None
