"""Reading the audit records. Needs no lock and no git: the files are the trail, and none ever changes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from ferryman.records import toml_files
from ferryman.records.errors import RecordError
from ferryman.records.values import MigrationRecord, RemovalRecord

T = TypeVar("T")
_ID = re.compile(r"\d{8}T\d{6}Z-[^/]+")
"""As `records.ids` makes them: a record's month, and so its folder, is in its id."""


def ignore_damaged(_: RecordError) -> None:
    """Pass over a record that cannot be read."""


def records(
    state_folder: Path,
    *,
    vm: str | None = None,
    host: str | None = None,
    since: datetime | None = None,
    limit: int | None = None,
    on_damaged: Callable[[RecordError], None] = ignore_damaged,
) -> Iterator[MigrationRecord]:
    """The records, newest first: of this VM, with this host at either end, begun at `since` or later.

    Read one by one, so that a small `limit` is quick however long the trail. `on_damaged` hears of every
    file on the way that cannot be read.
    """
    left = limit
    for path in _paths(state_folder / "migrations", since):
        if left is not None and left <= 0:
            return
        record = _read(path, MigrationRecord, on_damaged)
        if record is not None and _asked_for(record, vm, host, since):
            yield record
            left = None if left is None else left - 1


def record(state_folder: Path, record_id: str) -> MigrationRecord | None:
    """The record of that id; None where there is none. Raises RecordError for one that cannot be read."""
    if not _ID.fullmatch(record_id):
        return None
    path = state_folder / "migrations" / record_id[:4] / record_id[4:6] / f"{record_id}.toml"
    return toml_files.read(path, MigrationRecord) if path.exists() else None


def removals(state_folder: Path, on_damaged: Callable[[RecordError], None] = ignore_damaged) -> Iterator[RemovalRecord]:
    """What `ferryman gc` removed, newest first."""
    for path in _paths(state_folder / "removals", None):
        removal = _read(path, RemovalRecord, on_damaged)
        if removal is not None:
            yield removal


def _paths(folder: Path, since: datetime | None) -> Iterator[Path]:
    """Newest first. A folder per month spares reading the months before `since`; ids begin with the time."""
    oldest = since.astimezone(UTC).strftime("%Y/%m") if since else ""
    months = [month for month in folder.glob("[0-9]*/[0-9]*") if month.is_dir()]
    for month in sorted(months, reverse=True):
        if f"{month.parent.name}/{month.name}" < oldest:
            return
        yield from sorted(month.glob("[!.]*.toml"), reverse=True)


def _read(path: Path, kind: type[T], on_damaged: Callable[[RecordError], None]) -> T | None:
    try:
        return toml_files.read(path, kind)
    except RecordError as error:
        on_damaged(error)
        return None


def _asked_for(record: MigrationRecord, vm: str | None, host: str | None, since: datetime | None) -> bool:
    return (
        (vm is None or record.vm == vm)
        and (host is None or host in (record.source, record.destination))
        and (since is None or record.started_at >= since)
    )
