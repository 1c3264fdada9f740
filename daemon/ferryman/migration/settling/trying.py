"""How often a step that fails is taken again, and how long after. Pure."""

from __future__ import annotations

PAUSES_S = (1.0, 5.0, 15.0, 30.0)
"""Before each further try.

What breaks for a moment is back within them: a pool that is refreshed, a virtlogd that restarts, a file system that was
read-only until somebody saw it. A guest may be down meanwhile, so they begin short; what lasts longer is for a person.
"""
MOST_TRIES = 1 + len(PAUSES_S)


def pause_s(tries: int) -> float:
    """Before the next try, after so many: none before the first."""
    return PAUSES_S[tries - 1] if 0 < tries < MOST_TRIES else 0.0
