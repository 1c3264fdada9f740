"""Lines for whoever reads along: a daemon's log must never be what ends it."""

from __future__ import annotations

from typing import TextIO


def write(stream: TextIO, text: str) -> None:
    """Write and flush. What finds no room (a full disk, a reader that is gone) is lost: moves under way matter more."""
    try:
        stream.write(text)
        stream.flush()
    except OSError:
        return
