"""Where specs come from: the values that every source hands over, and the protocol that it keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from ferryman.specs.problems import Problem

MAX_PATH_CHARACTERS = 512
MAX_FILES = 10_000
MAX_TOTAL_BYTES = 64 * 1024 * 1024
WATCHED_NAMES = frozenset({"fleet.toml", "hosts", "vms", "host", "vm"})
"""All that is ever read below the specs folder; `host` and `vm` only to say that they are misspelt."""


class RevisionKind(StrEnum):
    """What a revision is a revision of."""

    GIT = "git"
    FOLDER = "folder"


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One state of all specs at once."""

    id: str
    """A commit id, or `folder-` and a hash over all files."""
    short: str
    author: str
    """NAME <ADDRESS>; empty for a folder."""
    subject: str
    kind: RevisionKind


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecFile:
    """One file of a revision."""

    path: str
    """Below the specs folder, with forward slashes."""
    blob_id: str
    """Git's id of the content: the same content has the same id in a folder too."""
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """All spec files of one revision."""

    revision: Revision
    files: Mapping[str, SpecFile]
    refused: Mapping[str, Problem] = field(default_factory=dict)
    """Paths that are there but were not read (links, submodules, too large, unreadable), and why."""


class SourceError(Exception):
    """The source cannot be read now: whatever was in force stays in force. Looked at again at the next wake-up."""

    def __init__(self, reason: str, remedy: str, *, held_revision: str = "") -> None:
        """`reason` and `remedy` are sentences for a person. `held_revision`: it can be read, and does not count."""
        super().__init__(f"{reason} ({remedy})")
        self.reason = reason
        self.remedy = remedy
        self.held_revision = held_revision


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedPlace:
    """A directory whose changes mean: look again."""

    directory: Path
    recursive: bool
    names: frozenset[str] | None = None
    """Only entries of these names count; None: all."""


class SpecSource(Protocol):
    """Where the wanted state is read."""

    def current(self) -> Tree:
        """Return the newest revision. Raises SourceError where it cannot be read."""
        ...

    def watched(self) -> tuple[WatchedPlace, ...]:
        """Return the places to watch, so that a change is looked at at once."""
        ...


def is_spec_path(path: str) -> bool:
    """Whether the content of this path is read: TOML, not hidden."""
    name = path.rpartition("/")[2]
    return name.endswith(".toml") and not name.startswith(".")
