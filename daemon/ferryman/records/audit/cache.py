"""Audit records that were parsed before: `cache/records-2.sqlite3` in the state folder, outside its git history.

Parsing 10,000 records takes seconds, reading them from here a fraction of one. Nothing depends on it: a row counts only
for the very file that it was made from (inode, size and times) and only while its checksum holds; what is damaged is
thrown away and made anew; where nothing can be written, records are parsed. Deleting it costs those seconds once.
"""

from __future__ import annotations

import os
import re
import sqlite3
import zlib
from collections.abc import Mapping
from contextlib import closing, suppress
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Self

from ferryman.records.audit.as_json import HEAD, JsonRecord

FOLDER = "cache"
FILE = "records-2.sqlite3"
"""The number is the table's layout: another one is another file."""
WORTH_KEEPING = 200
"""Fewer parsed records cost less than keeping them."""
_PATIENCE_S = 0.2
"""For another process that writes just now; then it is done without."""

_TABLES = ("heads", "wholes")
_MAKE = (
    "CREATE TABLE IF NOT EXISTS {} "
    "(name TEXT PRIMARY KEY, stamp TEXT NOT NULL, checksum INTEGER NOT NULL, json BLOB NOT NULL) STRICT"
)
_GET = "SELECT name, stamp, checksum, json FROM {} WHERE name BETWEEN ? AND ?"
_PUT = "INSERT OR REPLACE INTO {} VALUES (?, ?, ?, ?)"
_Row = tuple[str, str, int, bytes]


class RecordCache:
    """One reader's view of it; written at the end, if there is enough to write. For one thread."""

    def __init__(self, state_folder: Path, *, beside: bool = False) -> None:
        """Makes nothing yet.

        `beside`: a process of its own writes, which this one waits for at its end; in a program without threads.
        """
        self._state_folder = state_folder
        self._file = state_folder / FOLDER / FILE
        self._database = self._connect() if self._file.exists() else None
        self._new: dict[str, list[_Row]] = {table: [] for table in _TABLES}
        self._beside = beside

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def get(self, stamps: Mapping[str, str], *, whole: bool) -> dict[str, JsonRecord]:
        """Of files by name and stamp those of which it is known what they hold: the head, and all of it if `whole`."""
        heads = self._read("heads", stamps)
        if not whole:
            return {name: JsonRecord(head, None) for name, head in heads.items()}
        wholes = self._read("wholes", stamps)
        return {name: JsonRecord(heads[name], wholes[name]) for name in heads.keys() & wholes.keys()}

    def put(self, name: str, stamp: str, record: JsonRecord) -> None:
        """Remember what a file was found to hold."""
        self._new["heads"].append((name, stamp, zlib.crc32(record.head), record.head))
        if record.whole is not None:
            self._new["wholes"].append((name, stamp, zlib.crc32(record.whole), record.whole))

    def close(self) -> None:
        """Write what is new, where that is worth it."""
        if self._database is not None:
            # None of it may be open in two processes.
            self._database.close()
        if len(self._new["heads"]) < WORTH_KEEPING:
            return
        if self._beside:
            # Only here: most calls find nothing new, and need not wait for its import.
            from multiprocessing import get_context

            get_context("fork").Process(target=self._keep).start()
        else:
            self._keep()

    def _keep(self) -> None:
        try:
            self._file.parent.mkdir(exist_ok=True)
            self._database = self._connect()
            if self._database is not None:
                self._write(self._database)
        except sqlite3.Error as error:
            self._give_up(error)
        except OSError:
            pass  # no folder can be made: records are parsed the next time, too

    def _read(self, table: str, stamps: Mapping[str, str]) -> dict[str, bytes]:
        if self._database is None or not stamps:
            return {}
        try:
            found = self._database.execute(_GET.format(table), (min(stamps), max(stamps)))
            rows: list[_Row] = found.fetchall()
        except sqlite3.Error as error:
            self._give_up(error)
            return {}
        return {
            name: json
            for name, stamp, checksum, json in rows
            if stamps.get(name) == stamp and zlib.crc32(json) == checksum
        }

    def _write(self, database: sqlite3.Connection) -> None:
        with closing(database), database:
            for table, rows in self._new.items():
                database.execute(_MAKE.format(table))
                database.executemany(_PUT.format(table), rows)
        self._hand_over()

    def _connect(self) -> sqlite3.Connection | None:
        try:
            database = sqlite3.connect(self._file, timeout=_PATIENCE_S)
            database.execute("PRAGMA synchronous = OFF")
            # A new one's: some whole records fit into a page.
            database.execute("PRAGMA page_size = 16384")
        except sqlite3.Error as error:
            self._give_up(error)
            return None
        return database

    def _give_up(self, error: sqlite3.Error) -> None:
        """Go on without. A file that is locked or not ours to write may be a good one; any other goes."""
        if not isinstance(error, sqlite3.OperationalError):
            with suppress(OSError):
                self._file.unlink()
        self._database = None

    def _hand_over(self) -> None:
        """Whoever made it: the daemon, as the folder's owner, is to be able to write it."""
        if os.geteuid() == 0:
            owner = self._state_folder.stat()
            for path in (self._file.parent, self._file):
                os.chown(path, owner.st_uid, owner.st_gid)


def stamp_of(status: os.stat_result) -> str:
    """What changes whenever the file's content may have, or what a head is made of."""
    return f"{_layout()} {status.st_ino} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}"


@cache
def _layout() -> str:
    """All fields of a head, their kinds and defaults: another ferryman may read more from the same file."""
    # Without where things lie in memory, which is another place in each process.
    schema = re.sub("0x[0-9a-f]+|:[0-9]+", "", repr(HEAD.core_schema))
    return f"{zlib.crc32(schema.encode()):08x}"
