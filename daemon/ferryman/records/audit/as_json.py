"""Audit records as JSON, and their heads apart: what readers of thousands of them work on.

A file is parsed once, by as many processes as there are cores where it is many files, and then remembered
(`record_cache`).
"""

from __future__ import annotations

import os
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

from pydantic import TypeAdapter
from pydantic_core import to_json

from ferryman.records import toml_files
from ferryman.records.audit.head import RecordHead
from ferryman.records.audit.head_scan import head_json
from ferryman.records.errors import RecordError

WORTH_A_PROCESS = 500
"""Fewer files are parsed before another process has begun."""
_AT_A_TIME = 100

HEAD = TypeAdapter(RecordHead)
_OF_A_HEAD = frozenset(field.name for field in fields(RecordHead))


@dataclass(frozen=True, slots=True)
class JsonRecord:
    """What a record's file says, as JSON."""

    head: bytes
    """What of it a RecordHead is made of, if it makes one."""
    whole: bytes | None = None
    """All of it; a figure without bounds is a text. None: nobody asked for it."""


def parse(path: str, *, whole: bool) -> JsonRecord | RecordError:
    """What one file says; why nothing where it cannot be read."""
    try:
        content = toml_files.content(path)
        head = None if whole else head_json(content.decode(errors="replace"))
        return JsonRecord(head) if head else _parsed(toml_files.document(path, content))
    except RecordError as error:
        return error


def parse_all(paths: Sequence[str], *, whole: bool, processes: int) -> Generator[JsonRecord | RecordError]:
    """What each file says, in this order. More than one process only in a program without threads: it forks."""
    parse_one = partial(parse, whole=whole)
    if processes == 1 or len(paths) < WORTH_A_PROCESS:
        yield from map(parse_one, paths)
        return
    # Only here: whoever reads a few, or what is remembered, need not wait for these imports.
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    pool = ProcessPoolExecutor(processes, mp_context=get_context("fork"))
    try:
        yield from pool.map(parse_one, paths, chunksize=_AT_A_TIME)
    finally:
        # Whoever has seen enough does not wait for the rest.
        pool.shutdown(cancel_futures=True)


def cores() -> int:
    """How many processes can parse at once."""
    return len(os.sched_getaffinity(0))


def _parsed(document: Mapping[str, Any]) -> JsonRecord:
    head = {name: document[name] for name in _OF_A_HEAD & document.keys()}
    return JsonRecord(_json(head), _json(document))


def _json(document: Mapping[str, Any]) -> bytes:
    return to_json(document, inf_nan_mode="strings")
