"""Audit records as JSON, and their heads apart: what readers of thousands of them work on.

A file is parsed once, by as many processes as there are cores where it is many files, and then remembered
(`record_cache`).
"""

from __future__ import annotations

import os
from collections.abc import Generator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json

from ferryman.records import toml_files
from ferryman.records.errors import RecordError
from ferryman.records.head import RecordHead

WORTH_A_PROCESS = 500
"""Fewer files are parsed before another process has begun."""
_AT_A_TIME = 100

HEAD = TypeAdapter(RecordHead)


@dataclass(frozen=True, slots=True)
class JsonRecord:
    """What a record's file says, as JSON."""

    head: bytes
    """What of it makes a RecordHead: it does make one."""
    whole: bytes | None
    """All of it, indented by 2; a figure without bounds is a text. None: nobody asked for it."""


def parse(path: str, *, whole: bool) -> JsonRecord | RecordError:
    """The record in one file; why there is none where it cannot be read, or makes no RecordHead."""
    try:
        document = toml_files.read_document(Path(path))
        head = HEAD.validate_python(document)
        return JsonRecord(head=_json(head), whole=_json(document, indent=2) if whole else None)
    except ValidationError as error:
        return toml_files.unfit(Path(path), "audit record", error)
    except RecordError as error:
        return error


def parse_all(paths: Sequence[str], *, whole: bool, processes: int) -> Generator[JsonRecord | RecordError]:
    """Each file's record, in this order. More than one process only in a program without threads: it forks."""
    parse_one = partial(parse, whole=whole)
    if processes == 1 or len(paths) < WORTH_A_PROCESS:
        yield from map(parse_one, paths)
        return
    pool = ProcessPoolExecutor(processes, mp_context=get_context("fork"))
    try:
        yield from pool.map(parse_one, paths, chunksize=_AT_A_TIME)
    finally:
        # Whoever has seen enough does not wait for the rest.
        pool.shutdown(cancel_futures=True)


def cores() -> int:
    """How many processes can parse at once."""
    return len(os.sched_getaffinity(0))


def _json(value: object, indent: int | None = None) -> bytes:
    return to_json(value, indent=indent, exclude_none=True, inf_nan_mode="strings")
