"""Times as people write them on a command line."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import click

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_AGO = re.compile(r"(\d{1,6})([mhdw])")


class Time(click.ParamType):
    """A time, or how long ago: 2026-11-23, 2026-11-23T10:15, 2026-11-23T10:15+01:00, 90m, 12h, 7d, 2w."""

    name = "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Into a time with its zone; one without a zone is UTC."""
        try:
            return value if isinstance(value, datetime) else time_of(str(value), datetime.now(UTC))
        except ValueError as error:
            self.fail(str(error), param, ctx)


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
