"""In which order attempts were made. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from ferryman.records.audit.record import MigrationRecord


def in_order(records: Iterable[MigrationRecord]) -> list[MigrationRecord]:
    """The records, oldest first: by number, because a wall clock that is set back mixes times up.

    Those of before there were numbers have 0 and so come first, by their times.
    """
    return sorted(records, key=lambda record: (record.number, record.started_at, record.attempt))


def next_number(records: Iterable[MigrationRecord]) -> int:
    """What the next record of a state folder with these is numbered."""
    return max((record.number for record in records), default=0) + 1
