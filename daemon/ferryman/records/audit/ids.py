"""Names of attempts: sorted as text, they are sorted by time."""

from __future__ import annotations

from datetime import UTC, datetime

STAMP = "%Y%m%dT%H%M%SZ"


def migration_id(started_at: datetime, vm: str, token: int) -> str:
    """An attempt's id from its start, its VM and 16 random bits, which keep apart attempts within one second.

    >>> migration_id(datetime(2026, 11, 23, 10, 15, 2, tzinfo=UTC), "guest-01", 0x3F2A)
    '20261123T101502Z-guest-01-3f2a'
    """
    if started_at.tzinfo is None:
        raise ValueError("the attempt's start names no zone")
    return f"{started_at.astimezone(UTC).strftime(STAMP)}-{vm}-{token & 0xFFFF:04x}"
