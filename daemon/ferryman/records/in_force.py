"""The specs in force, kept for a restart: `in-force.json`, outside the history of the state folder.

A restart may find the newest revision held, or the specs' repository away. What was in force then still is, and moves
that are open are brought to their ends by it. Each file is kept as it was when it was last good.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from ferryman.records import atomic_files
from ferryman.records.errors import RecordError
from ferryman.records.toml_files import content
from ferryman.specs.source import MAX_TOTAL_BYTES, Revision, SpecFile, Tree

FILE = "in-force.json"
_MOST_BYTES = 3 * MAX_TOTAL_BYTES
"""JSON writes some characters as several, and each file's id and path."""
REMEDY = "Mend the specs, or bring their repository back: ferryman then keeps them anew. The file may be deleted."


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    path: str
    blob_id: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    revision: Revision
    files: tuple[_File, ...]


_ADAPTER = TypeAdapter(_Kept)


def read_in_force(state_folder: Path) -> Tree | None:
    """The specs that were in force; None where none were kept. Raises RecordError where they cannot be read."""
    path = state_folder / FILE
    if not path.exists():
        return None
    try:
        kept = _ADAPTER.validate_json(content(path, _MOST_BYTES))
    except ValidationError as error:
        raise RecordError(path, f"{path} does not hold the specs in force.", REMEDY) from error
    files = (SpecFile(path=one.path, blob_id=one.blob_id, content=one.text.encode()) for one in kept.files)
    return Tree(revision=kept.revision, files={file.path: file for file in files})


def write_in_force(state_folder: Path, tree: Tree) -> None:
    """Keep these files, all of which were read as specs. Raises StateUnwritableError."""
    files = (
        _File(path=path, blob_id=file.blob_id, text=file.content.decode("utf-8", "replace"))
        for path, file in sorted(tree.files.items())
    )
    atomic_files.replace(state_folder / FILE, _ADAPTER.dump_json(_Kept(revision=tree.revision, files=tuple(files))))
