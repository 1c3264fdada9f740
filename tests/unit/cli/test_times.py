"""Times as people write them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ferryman.cli.times import time_of

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2026-11-20", "2026-11-20T00:00:00+00:00"),
        ("2026-11-20T10:15", "2026-11-20T10:15:00+00:00"),
        ("2026-11-20T10:15:30Z", "2026-11-20T10:15:30+00:00"),
        ("2026-11-20 10:15+01:00", "2026-11-20T10:15:00+01:00"),
        ("90m", "2026-11-23T10:30:00+00:00"),
        ("12h", "2026-11-23T00:00:00+00:00"),
        ("7d", "2026-11-16T12:00:00+00:00"),
        (" 2w ", "2026-11-09T12:00:00+00:00"),
    ],
)
def test_a_time_or_how_long_ago(text: str, meant: str) -> None:
    assert time_of(text, NOW).isoformat() == meant


@pytest.mark.parametrize("text", ["", "soon", "7", "d", "-7d", "7y", "999999w", "2026-13-01"])
def test_anything_else_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(ValueError, match="write 2026-11-23"):
        time_of(text, NOW)
