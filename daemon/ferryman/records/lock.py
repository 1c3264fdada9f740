"""One writer per state folder."""

from __future__ import annotations

import fcntl
import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from ferryman.records.errors import StateLockedError, unwritable

FILE = ".lock"

_MOST_OF_SIGNATURE = 500


class FolderLock:
    """Held from `take` until `release` or the end of the process, however it ends."""

    def __init__(self, file: IO[str]) -> None:
        """Use `take`."""
        self._file = file

    @classmethod
    def take(cls, folder: Path, name: str = FILE) -> FolderLock:
        """Lock the folder, or what else `name` stands for; raises StateLockedError at once where that is locked."""
        path = folder / name
        try:
            file = path.open("a+", encoding="utf-8", errors="replace")
        except OSError as error:
            raise unwritable(path, error) from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _sign(file)
        except BlockingIOError:
            holder = _signature(file)
            file.close()
            raise StateLockedError(
                f"Another ferryman ({holder}) writes to {folder}.",
                "Stop that one first, or give this one another state folder; reading is possible meanwhile.",
            ) from None
        except OSError as error:
            file.close()
            raise unwritable(path, error) from error
        return cls(file)

    @classmethod
    def holder(cls, folder: Path, name: str = FILE) -> str | None:
        """Who holds the folder's lock, in words; None: nobody, or nobody can tell. Touches nothing."""
        try:
            with (folder / name).open(encoding="utf-8", errors="replace") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError:
                    return _signature(file)
        except OSError:
            return None
        return None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def release(self) -> None:
        """Let another take it. The file stays: without it, two processes could lock two files of one name."""
        self._file.close()


def _sign(file: IO[str]) -> None:
    file.truncate(0)
    file.write(f"{os.getpid()} on {platform.node()} since {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC\n")
    file.flush()


def _signature(file: IO[str]) -> str:
    file.seek(0)
    return f"process {file.read(_MOST_OF_SIGNATURE).strip() or 'unknown'}"
