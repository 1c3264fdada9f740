"""When to announce a guest's place in the network again. Pure.

QEMU announces a guest that arrives by itself, five times within its first second, and never again: where a switch or a
firewall lets none of that through, or learns the old place once more, the guest stays cut off until it sends something.
So, while it runs at the destination and no probe is answered, it is announced again, with gaps that grow by half:

    try      1    2    3    4     5
    after  0.8  2.0  3.8  6.5  10.6 s
"""

from __future__ import annotations

from ferryman.specs.choices import Method

_FIRST_GAP_S = 0.8
"""By then QEMU's own announcements are over."""
_GROWTH = 1.5
TRIES = 5

_ARRIVES_RUNNING = frozenset({Method.LIVE, Method.POST_COPY, Method.PAUSED})


def gap_s(tries: int) -> float | None:
    """How long to wait for an answer after so many tries before the next; None: it was the last.

    Example: gap_s(0) is 0.8 and gap_s(3) is 2.7.
    """
    return _FIRST_GAP_S * _GROWTH**tries if tries < TRIES else None


def may_announce(method: Method, *, arrived: bool, allowed: bool) -> bool:
    """Only a guest that arrived running: one that boots says itself where it is, and is silent until it has booted."""
    return allowed and arrived and method in _ARRIVES_RUNNING
