"""Reading the audit records. Needs no lock and no git: the files are the trail, and none ever changes."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from ferryman.records import toml_files
from ferryman.records.audit_records import MigrationRecord, RemovalRecord
from ferryman.records.errors import RecordError
from ferryman.records.query import ALL, Query
from ferryman.records.record_cache import RecordCache, stamp_of

T = TypeVar("T")
_ID = re.compile(r"\d{8}T\d{6}Z-[^/]+")
"""As `records.ids` makes them: a record's month, and so its folder, is in its id."""


def ignore_damaged(_: RecordError) -> None:
    """Pass over a record that cannot be read."""


def records(
    state_folder: Path,
    query: Query = ALL,
    *,
    on_damaged: Callable[[RecordError], None] = ignore_damaged,
) -> Iterator[MigrationRecord]:
    """The records that are asked for, newest first.

    Read one by one, so that the first few are there at once however long the trail; all of 10,000 take seconds the
    first time and a third of one from then on (`record_cache`). `on_damaged` hears of every file on the way that cannot
    be read.
    """
    with RecordCache(state_folder) as cache:
        for path in _paths(state_folder / "migrations", query.since, query.until):
            record = _read_cached(path, cache, on_damaged)
            if record is not None and query.matches(record):
                yield record


def record(state_folder: Path, record_id: str) -> MigrationRecord | None:
    """The record of that id; None where there is none. Raises RecordError for one that cannot be read."""
    if not _ID.fullmatch(record_id):
        return None
    path = state_folder / "migrations" / record_id[:4] / record_id[4:6] / f"{record_id}.toml"
    return toml_files.read(path, MigrationRecord) if path.exists() else None


def removals(state_folder: Path, on_damaged: Callable[[RecordError], None] = ignore_damaged) -> Iterator[RemovalRecord]:
    """What `ferryman gc` removed, newest first."""
    for path in _paths(state_folder / "removals"):
        removal = _read(path, RemovalRecord, on_damaged)
        if removal is not None:
            yield removal


def _paths(folder: Path, since: datetime | None = None, until: datetime | None = None) -> Iterator[Path]:
    """Newest first. A folder per month spares reading the others; ids begin with the time."""
    oldest = _month(since) if since else ""
    newest = _month(until) if until else "9999"
    months = {f"{month.parent.name}/{month.name}": month for month in folder.glob("[0-9]*/[0-9]*") if month.is_dir()}
    for name in sorted(months, reverse=True):
        if oldest <= name <= newest:
            names = [entry.name for entry in os.scandir(months[name])]  # sorted as text: paths take ten times as long
            files = [file for file in names if file.endswith(".toml") and not file.startswith(".")]
            yield from (months[name] / file for file in sorted(files, reverse=True))


def _month(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y/%m")


def _read_cached(path: Path, cache: RecordCache, on_damaged: Callable[[RecordError], None]) -> MigrationRecord | None:
    try:
        # Before the content: a file that changes in between is read again the next time.
        stamp = stamp_of(path.stat())
    except OSError:
        return _read(path, MigrationRecord, on_damaged)
    known = cache.get(path, stamp)
    if known is not None:
        return known
    record = _read(path, MigrationRecord, on_damaged)
    if record is not None:
        cache.put(path, stamp, record)
    return record


def _read(path: Path, kind: type[T], on_damaged: Callable[[RecordError], None]) -> T | None:
    try:
        return toml_files.read(path, kind)
    except RecordError as error:
        on_damaged(error)
        return None
