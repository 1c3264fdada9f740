"""When to announce a guest's place in the network again. Pure.

QEMU announces a guest that arrives by itself, five times within its first second, and never again: where a switch or a
firewall lets none of that through, or learns the old place once more, the guest stays cut off until it sends something.
So, while it runs at the destination and no probe is answered, it is announced again, with gaps that double:

    try      1    2    3    4    5
    after  0.3  0.9  2.1  4.5  9.3 s
"""

from __future__ import annotations

from ferryman.specs.models import Method

_FIRST_GAP_S = 0.3
TRIES = 5

_ARRIVES_RUNNING = frozenset({Method.LIVE, Method.POST_COPY, Method.PAUSED})


def gap_s(tries: int) -> float | None:
    """How long to wait for an answer after so many tries before the next; None: it was the last.

    Example: gap_s(0) is 0.3 and gap_s(3) is 2.4.
    """
    return _FIRST_GAP_S * 2**tries if tries < TRIES else None


def may_announce(method: Method, *, arrived: bool, allowed: bool) -> bool:
    """Only a guest that arrived running: one that boots says itself where it is, and is silent until it has booted."""
    return allowed and arrived and method in _ARRIVES_RUNNING
