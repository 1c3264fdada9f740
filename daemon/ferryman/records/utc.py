"""Times as they are written down: in UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator


def in_utc(time: datetime) -> datetime:
    """The same moment in UTC; raises ValueError for a time without a zone, which is no moment."""
    if time.tzinfo is None:
        raise ValueError(f"the time {time} names no zone")
    return time.astimezone(UTC)


UtcTime = Annotated[datetime, AfterValidator(in_utc)]
