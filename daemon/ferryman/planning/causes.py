"""Why VMs are moved: a word that records share with plans."""

from __future__ import annotations

from enum import StrEnum


class Cause(StrEnum):
    """Why a VM is to move."""

    SPEC = "spec"
    """Its spec names another host."""
    EVACUATION = "evacuation"
    """The host that it runs on is in maintenance."""
    RETURN = "return"
    """Its home is out of maintenance again."""
    DRIFT = "drift"
    """Somebody else moved it and its spec says `drift = "correct"`."""
    BENCH = "bench"
    """`ferryman bench` moves it there and back, and measures."""
