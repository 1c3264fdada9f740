"""Git's own formats: commit objects, `ls-tree -z` and `cat-file --batch` output. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ferryman.specs.source import Revision, RevisionKind

SHORT_CHARACTERS = 12
MOST_CHARACTERS = 200
"""Of an author and of a subject: each becomes part of every record that the commit causes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeEntry:
    """One line of `git ls-tree -l -z`."""

    mode: str
    """100644 a file, 100755 an executable one, 120000 a symbolic link, 160000 a submodule, 040000 a folder."""
    object_id: str
    size: int
    """In bytes; 0 for a submodule or a folder, and for an object that the repository lacks (git says BAD)."""
    path: str
    """Bytes that are not UTF-8 are shown escaped."""


def tree_entries(output: bytes) -> tuple[TreeEntry, ...]:
    """Read `git ls-tree -l -z`: MODE TYPE ID SIZE, a tab, PATH, NUL."""
    entries = []
    for line in output.split(b"\0"):
        if line:
            facts, _, path = line.partition(b"\t")
            mode, _, object_id, size = facts.decode("ascii").split()
            entries.append(
                TreeEntry(
                    mode=mode,
                    object_id=object_id,
                    size=int(size) if size.isdigit() else 0,
                    path=path.decode("utf-8", "backslashreplace"),
                )
            )
    return tuple(entries)


def batch_objects(output: bytes, wanted: Sequence[str]) -> Mapping[str, bytes]:
    """Read `git cat-file --batch`: ID TYPE SIZE, newline, the content, newline. Missing objects are left out."""
    objects: dict[str, bytes] = {}
    position = 0
    for object_id in wanted:
        end = output.index(b"\n", position)
        facts = output[position:end].split()
        position = end + 1
        if len(facts) == 3:
            size = int(facts[2])
            objects[object_id] = output[position : position + size]
            position += size + 1
    return objects


def revision_of(commit_id: str, commit: bytes) -> Revision:
    """The revision that a commit object describes."""
    head, _, message = commit.decode("utf-8", "replace").partition("\n\n")
    headers: dict[str, str] = {}
    for line in head.split("\n"):
        name, _, value = line.partition(" ")
        headers.setdefault(name, value)
    return Revision(
        id=commit_id,
        short=commit_id[:SHORT_CHARACTERS],
        author=_cut(headers["author"].rpartition(">")[0] + ">") if "author" in headers else "",
        subject=_cut(message.strip().partition("\n")[0]),
        kind=RevisionKind.GIT,
    )


def _cut(text: str) -> str:
    return text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 1] + "…"
