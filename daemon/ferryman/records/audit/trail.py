"""Walking the audit trail, newest first. Needs no lock and no git: the files are the trail, and none ever changes."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from ferryman.records import toml_files
from ferryman.records.audit.as_json import HEAD, JsonRecord, parse_all
from ferryman.records.audit.cache import RecordCache, stamp_of
from ferryman.records.audit.head import RecordHead
from ferryman.records.audit.query import ALL, Query
from ferryman.records.errors import RecordError

OnDamaged = Callable[[RecordError], None]
"""Hears of every file that cannot be read."""

_AT_ONCE = 100
"""The newest, which are nearly always enough: the rest is not even looked at before it is asked for."""


def ignore_damaged(_: RecordError) -> None:
    """Pass over a record that cannot be read."""


def heads(
    state_folder: Path, query: Query = ALL, *, on_damaged: OnDamaged = ignore_damaged, processes: int = 1
) -> Iterator[RecordHead]:
    """The heads of the records that are asked for, newest first.

    Read one after the other, so that the first few are there at once however long the trail. `on_damaged` hears of
    every file on the way that cannot be read. More than one of `processes` only in a program without threads.
    """
    with closing(matching(state_folder, query, on_damaged, whole=False, processes=processes)) as found:
        for _, head, _ in found:
            yield head


def texts(
    state_folder: Path, query: Query = ALL, *, on_damaged: OnDamaged = ignore_damaged, processes: int = 1
) -> Iterator[bytes]:
    """The records that are asked for, newest first, each as its file says it, as JSON in one line; as `heads`."""
    with closing(matching(state_folder, query, on_damaged, whole=True, processes=processes)) as found:
        for _, _, text in found:
            yield text


def matching(
    state_folder: Path, query: Query, on_damaged: OnDamaged, *, whole: bool, processes: int
) -> Generator[tuple[str, RecordHead, bytes]]:
    """File, head and text of the records that are asked for; as `heads`. Unless `whole` the text is empty."""
    entries = list(files(state_folder / "migrations", query.since, query.until))
    with RecordCache(state_folder, beside=processes > 1) as cache:
        for batch in (entries[:_AT_ONCE], entries[_AT_ONCE:]):
            for path, found in _read_cached(batch, cache, whole=whole, processes=processes):
                if isinstance(found, RecordError):
                    on_damaged(found)
                    continue
                head = _head(path, found, on_damaged)
                if head is not None and query.matches(head):
                    yield path, head, found.whole or b""


def files(folder: Path, since: datetime | None = None, until: datetime | None = None) -> Iterator[os.DirEntry[str]]:
    """Newest first. A folder per month spares reading the others; ids begin with the time."""
    oldest = _month(since) if since else ""
    newest = _month(until) if until else "9999"
    months = {f"{month.parent.name}/{month.name}": month for month in folder.glob("[0-9]*/[0-9]*") if month.is_dir()}
    for name in sorted(months, reverse=True):
        if oldest <= name <= newest:
            found = {entry.name: entry for entry in os.scandir(months[name])}
            for file in sorted(found, reverse=True):
                if file.endswith(".toml") and not file.startswith("."):
                    yield found[file]


def _read_cached(
    entries: Sequence[os.DirEntry[str]], cache: RecordCache, *, whole: bool, processes: int
) -> Iterator[tuple[str, JsonRecord | RecordError]]:
    # Before the content: a file that changes in between is read again the next time.
    stamps = {entry.name: stamp for entry in entries if (stamp := _stamp(entry))}
    known = cache.get(stamps, whole=whole)
    unknown = [entry.path for entry in entries if entry.name not in known]
    with closing(parse_all(unknown, whole=whole, processes=processes)) as parsed:
        for entry in entries:
            if entry.name in known:
                yield entry.path, known[entry.name]
                continue
            found = next(parsed)
            if isinstance(found, JsonRecord) and entry.name in stamps:
                cache.put(entry.name, stamps[entry.name], found)
            yield entry.path, found


def _head(path: str, record: JsonRecord, on_damaged: OnDamaged) -> RecordHead | None:
    try:
        return HEAD.validate_json(record.head)
    except ValidationError:
        # Read in haste, or remembered; the file itself has the last word.
        return _head_of_file(Path(path), on_damaged)


def _head_of_file(path: Path, on_damaged: OnDamaged) -> RecordHead | None:
    try:
        return toml_files.read(path, RecordHead)
    except RecordError as error:
        on_damaged(error)
        return None


def _stamp(entry: os.DirEntry[str]) -> str | None:
    try:
        return stamp_of(entry.stat())
    except OSError:
        return None


def _month(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y/%m")
