"""Times as people write them on a command line."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import click

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_AGO = re.compile(r"(\d{1,6})([mhdw])")


def time_option(_context: click.Context, _option: click.Parameter, text: str | None) -> datetime | None:
    """A click option's callback: a time, or how long ago."""
    try:
        return None if text is None else time_of(text, datetime.now(UTC))
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def time_of(text: str, now: datetime) -> datetime:
    """What was meant; raises ValueError, which says how to write it.

    >>> time_of("7d", datetime(2026, 11, 23, 12, tzinfo=UTC)).isoformat()
    '2026-11-16T12:00:00+00:00'
    """
    try:
        if ago := _AGO.fullmatch(text.strip()):
            return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        time = datetime.fromisoformat(text.strip())
    except (ValueError, OverflowError):
        raise ValueError(
            f"{text!r} is no time: write 2026-11-23, 2026-11-23T10:15 (UTC), or 90m, 12h, 7d, 2w"
        ) from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)
