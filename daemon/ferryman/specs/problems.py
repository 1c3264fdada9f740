"""What is wrong with a spec, told to the person who wrote it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class ProblemCode(StrEnum):
    """What kind of problem, for programs; the message is for people."""

    SYNTAX = "syntax"
    ENCODING = "encoding"
    TOO_LARGE = "too-large"
    TOO_COMPLEX = "too-complex"
    LINK = "link"
    UNREADABLE = "unreadable"
    MISPLACED = "misplaced"
    UNKNOWN_KEY = "unknown-key"
    MISSING_KEY = "missing-key"
    WRONG_TYPE = "wrong-type"
    WRONG_VALUE = "wrong-value"
    NAME_MISMATCH = "name-mismatch"
    DUPLICATE_NAME = "duplicate-name"
    DUPLICATE_URI = "duplicate-uri"
    DUPLICATE_ADDRESS = "duplicate-address"
    CONFLICTING_HOMES = "conflicting-homes"
    PROBED_FROM_HOME = "probed-from-home"
    UNKNOWN_HOST = "unknown-host"
    UNKNOWN_VM = "unknown-vm"
    HOST_REMOVED = "host-removed"
    NO_HOSTS = "no-hosts"
    SOURCE = "source"
    UNTRUSTED = "untrusted"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Problem:
    """One thing to mend: where, what is wrong, and what to do about it."""

    file: str
    """Path below the specs folder, with forward slashes."""
    line: int = 0
    """1-based; 0: the file as a whole."""
    key: str = ""
    """Dotted, as in TOML; empty: the file as a whole."""
    code: ProblemCode
    message: str
    remedy: str

    @property
    def place(self) -> str:
        """`vms/guest-01.toml:7`, as editors and terminals link it."""
        return f"{self.file}:{self.line}" if self.line else self.file


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant, or None."""
    close = difflib.get_close_matches(word[:100], sorted(known), n=1, cutoff=0.6)
    return close[0] if close else None
