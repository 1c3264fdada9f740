"""What can still be read of a damaged journal entry: enough to record whose attempt it was, never to act on. Pure."""

from __future__ import annotations

from ferryman.records.journal.entry import JournalEntry
from ferryman.records.toml_files import from_toml

_MOST_LINES = 200
"""A whole entry has some forty."""
_NO_CAUSE = b'\n[cause]\nkind = "spec"\nrevision = ""\n'


def salvaged(content: bytes) -> JournalEntry | None:
    """The entry that the longest readable beginning of the file holds; None where that names no attempt.

    What came after it is missing: which volumes were created, and what was asked of the hypervisor.
    """
    lines = content.splitlines()[:_MOST_LINES]
    for count in range(len(lines), 0, -1):
        beginning = b"\n".join(lines[:count])
        for text in (beginning, beginning + _NO_CAUSE):
            entry = _read(text)
            if entry is not None:
                return entry
    return None


def _read(text: bytes) -> JournalEntry | None:
    try:
        return from_toml(text, JournalEntry)
    except (ValueError, RecursionError):
        return None
