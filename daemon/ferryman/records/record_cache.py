"""Audit records that were parsed before: `cache/records-1.sqlite3` in the state folder, outside its git history.

Parsing 10,000 records takes seconds, reading them from here a third of one. Nothing depends on it: a row counts only
for the very file that it was made from (inode, size and times) and only while its checksum holds; what is damaged is
thrown away and made anew; where nothing can be written, records are parsed. Deleting it costs those seconds once.
"""

from __future__ import annotations

import os
import re
import sqlite3
import zlib
from contextlib import suppress
from functools import cache
from hashlib import blake2b
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import TypeAdapter, ValidationError

from ferryman.records.audit_records import MigrationRecord

FOLDER = "cache"
FILE = "records-1.sqlite3"
"""The number is the table's layout: another one is another file."""
WORTH_KEEPING = 200
"""Fewer parsed records cost less than keeping them."""
_PATIENCE_S = 0.2
"""For another process that writes just now; then it is done without."""

_TABLE = (
    "CREATE TABLE IF NOT EXISTS records "
    "(name TEXT PRIMARY KEY, stamp TEXT NOT NULL, checksum INTEGER NOT NULL, record BLOB NOT NULL) STRICT"
)
_GET = "SELECT checksum, record FROM records WHERE name = ? AND stamp = ?"
_PUT = "INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?)"
_Row = tuple[str, str, int, bytes]

_RECORD = TypeAdapter(MigrationRecord)


class RecordCache:
    """One reader's view of it; written at the end, if there is enough to write. For one thread."""

    def __init__(self, state_folder: Path) -> None:
        """Makes nothing yet."""
        self._state_folder = state_folder
        self._file = state_folder / FOLDER / FILE
        self._database = self._connect() if self._file.exists() else None
        self._new: list[_Row] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def get(self, path: Path, stamp: str) -> MigrationRecord | None:
        """The record that the file of this name and stamp held; None where that is not known."""
        if self._database is None:
            return None
        try:
            row = self._database.execute(_GET, (path.name, stamp)).fetchone()
        except sqlite3.Error as error:
            self._give_up(error)
            return None
        return _read(row[1]) if row is not None and zlib.crc32(row[1]) == row[0] else None

    def put(self, path: Path, stamp: str, record: MigrationRecord) -> None:
        """Remember what a file was found to hold."""
        text = _RECORD.dump_json(record, exclude_none=True)
        if b":null" not in text:  # JSON has no infinity
            self._new.append((path.name, stamp, zlib.crc32(text), text))

    def close(self) -> None:
        """Write what is new, where that is worth it."""
        try:
            if len(self._new) >= WORTH_KEEPING:
                self._write()
        except sqlite3.Error as error:
            self._give_up(error)
        except OSError:
            pass  # no folder can be made: records are parsed the next time, too
        finally:
            if self._database is not None:
                self._database.close()

    def _write(self) -> None:
        if self._database is None:
            self._file.parent.mkdir(exist_ok=True)
            self._database = self._connect()
        if self._database is not None:
            with self._database:
                self._database.execute(_TABLE)
                self._database.executemany(_PUT, self._new)
            self._hand_over()

    def _connect(self) -> sqlite3.Connection | None:
        try:
            database = sqlite3.connect(self._file, timeout=_PATIENCE_S)
            database.execute("PRAGMA synchronous = OFF")
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


def _read(text: bytes) -> MigrationRecord | None:
    try:
        return _RECORD.validate_json(text)
    except ValidationError:
        return None


def stamp_of(status: os.stat_result) -> str:
    """What changes whenever the file's content may have, or what a record is made of."""
    return f"{_layout()} {status.st_ino} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}"


@cache
def _layout() -> str:
    """All fields of a record, their kinds and defaults: another ferryman may read more from the same file."""
    # Without where things lie in memory, which is another place in each process.
    schema = re.sub("0x[0-9a-f]+|:[0-9]+", "", repr(_RECORD.core_schema))
    return blake2b(schema.encode(), digest_size=8).hexdigest()
