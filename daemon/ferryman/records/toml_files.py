"""Values as TOML files: read with every doubt named, written whole or not at all.

None is left out of a file. Times are written in UTC; a time without a zone is refused both ways.
Unknown keys are ignored, so that a folder written by a newer ferryman can still be read.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from io import FileIO
from os import fstat
from pathlib import Path
from typing import Any, Generic, TypeVar

import rtoml
import tomli_w
from pydantic import TypeAdapter, ValidationError

from ferryman.records import atomic_files
from ferryman.records.errors import RecordError
from ferryman.records.utc import in_utc
from ferryman.specs.guard import Limits, guarded_text
from ferryman.specs.problems import Problem

T = TypeVar("T")

_ADAPTERS: dict[type[Any], TypeAdapter[Any]] = {}
"""Made once per kind: making one takes milliseconds, using it microseconds."""

_SOON_PARSED_BYTES = 8 * 1024
"""Nearly every file is smaller; the worst of this size takes tomllib a quarter of a second."""
_LIMITS = Limits(size_bytes=2 * 1024 * 1024, tokens=50_000, text_characters=1024 * 1024)
"""Far beyond what any state says, and parsed within a second."""

REMEDY = (
    "Restore it from the state folder's git history (git log -- FILE; git checkout COMMIT -- FILE), or move "
    "it away; ferryman observes anew what it can."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing(Generic[T]):
    """What a folder's files say, and which of them cannot be read."""

    values: Mapping[str, T]
    """By file name without its ending, sorted."""
    damaged: tuple[RecordError, ...]


def to_toml(value: object) -> bytes:
    """A dataclass as a TOML document. Raises ValueError for a time without a zone: the caller's bug."""
    table = _adapter(type(value)).dump_python(value, exclude_none=True)
    # Text from outside (a commit's author) may hold half characters; a question mark loses less than all.
    return tomli_w.dumps(_writable(table)).encode("utf-8", "replace")


def from_toml(content: bytes, kind: type[T]) -> T:
    """The dataclass that a TOML document holds; raises ValueError where it holds none, or is none of ferryman's."""
    return _adapter(kind).validate_python(_document(content))


def read(path: Path, kind: type[T]) -> T:
    """One file's value; raises RecordError where it cannot be read."""
    says = document(path, content(path))
    try:
        return _adapter(kind).validate_python(says)
    except ValidationError as error:
        raise unfit(path, kind.__name__, error) from error


def from_json(path: Path, text: bytes, kind: type[T]) -> T:
    """The value that a file's document, turned into JSON, holds; raises RecordError where it holds none."""
    try:
        return _adapter(kind).validate_json(text)
    except ValidationError as error:
        raise unfit(path, kind.__name__, error) from error


def unfit(path: Path, kind: str, error: ValidationError) -> RecordError:
    """The trouble with a file that is TOML and not what it should be."""
    return RecordError(path, f"{path} is not a {kind}: {_first_trouble(error)}.", REMEDY)


def content(path: Path | str, most_bytes: int = _LIMITS.size_bytes) -> bytes:
    """All bytes of one file; raises RecordError where it cannot be read, or has more than `most_bytes`."""
    try:
        # A third of the time that Path.read_bytes takes, and there are thousands of files.
        with FileIO(path) as file:
            # Asked first: of a damaged file that says it has gibibytes none are read.
            if fstat(file.fileno()).st_size > most_bytes:
                raise RecordError(Path(path), f"{path} has more than {most_bytes >> 20} MiB.", REMEDY)
            return _read_to_end(file, most_bytes)
    except OSError as error:
        raise RecordError(Path(path), f"{path} cannot be read: {error.strerror or error}.", REMEDY) from error


def document(path: Path | str, content: bytes) -> dict[str, Any]:
    """What a file with this content says; raises RecordError where that is no TOML."""
    try:
        return _document(content)
    except (ValueError, RecursionError) as error:
        raise RecordError(Path(path), f"{path} is not readable as TOML: {error}.", REMEDY) from error


def read_all(paths: Iterable[Path], kind: type[T]) -> Listing[T]:
    """Every file's value, the damaged ones apart."""
    values: dict[str, T] = {}
    damaged: list[RecordError] = []
    for path in sorted(paths):
        try:
            values[path.stem] = read(path, kind)
        except RecordError as error:
            damaged.append(error)
    return Listing(values=values, damaged=tuple(damaged))


def write_if_changed(path: Path, value: object) -> bool:
    """Write the value durably unless the file says just this; whether it was written."""
    says = to_toml(value)
    try:
        if content(path) == says:
            return False
    except RecordError:
        # Absent, unreadable or far too large: writing it anew mends it, or tells which.
        pass
    atomic_files.replace(path, says)
    return True


def _read_to_end(file: FileIO, most_bytes: int) -> bytes:
    """What a file holds that was small enough a moment ago; a device has no size, and may have no end."""
    found = bytearray()
    while len(found) <= most_bytes and (more := file.read(most_bytes + 1 - len(found))):
        found += more
    return bytes(found)


def _document(content: bytes) -> dict[str, Any]:
    return _parsed(content.decode() if len(content) <= _SOON_PARSED_BYTES else _guarded(content))


def _guarded(content: bytes) -> str:
    text = guarded_text("", content, _LIMITS)
    if isinstance(text, Problem):
        raise ValueError(text.message)
    return text


def _adapter(kind: type[T]) -> TypeAdapter[T]:
    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]


def _parsed(text: str) -> dict[str, Any]:
    """Ten times as fast as `tomllib` alone, which has the last word on what `rtoml` refuses."""
    try:
        return rtoml.loads(text)
    except rtoml.TomlParsingError:
        return tomllib.loads(text)


def _writable(node: Any) -> Any:
    """As TOML can hold it: times in UTC, lists."""
    match node:
        case datetime():
            return in_utc(node)
        case dict():
            return {key: _writable(value) for key, value in node.items()}
        case list() | tuple():
            return [_writable(value) for value in node]
        case _:
            return node


def _first_trouble(error: ValidationError) -> str:
    trouble = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in trouble["loc"])
    return f"{where}: {trouble['msg']}" if where else trouble["msg"]
