"""Moves, faults and kills by chance, for a given time; a failure names the seed and the round that repeat it."""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Callable

import pytest
from daemon_run import DaemonRun
from meeting import undergo
from named import Ends, NamedFault
from running import RunningLab
from trial import Trial

pytestmark = pytest.mark.soak

FOR_S = float(os.environ.get("FERRYMAN_SOAK_S", "300"))
SEED = int(os.environ.get("FERRYMAN_SOAK_SEED", str(time.time_ns() % 1_000_000)))
METHODS = ("live", "live", "paused", "post-copy", "cold")
MOMENTS = {
    "live": ("before", "preparing", "transferring", "copying memory", "finishing"),
    "paused": ("before", "preparing", "transferring", "copying memory", "finishing"),
    "post-copy": ("before", "preparing", "transferring"),
    "cold": ("before", "preparing", "mirroring disks", "transferring", "activating", "starting", "finishing"),
}
DEEDS = (
    "cut home",
    "cut away",
    "cut third",
    "cut-from-daemon home",
    "cut-from-daemon away",
    "drop-data away",
    "reset-data away",
    "freeze away",
    "kill-libvirtd home",
    "kill-libvirtd away",
    "stall-libvirtd home",
    "stall-libvirtd away",
    "change-key away",
    "break-state-repository",
    "kill-daemon",
    "kill-daemon",
    "stop-daemon",
)
"""What can be done at any moment and together, and destroys no guest."""


def by_chance(luck: random.Random) -> NamedFault:
    """One or two deeds at one moment."""
    method = luck.choice(METHODS)
    when = luck.choice(MOMENTS[method])
    # A daemon that is gone is told of no commit: then there would be nothing to meet.
    possible = [deed for deed in DEEDS if when != "before" or "daemon" not in deed.partition(" ")[0]]
    first, second = luck.choices(possible, k=2)
    does = (first, second) if luck.random() < 1 / 3 and _are_possible(first, second) else (first,)
    # What ends the daemon comes last: others want to find it.
    ordered = tuple(sorted(does, key=lambda deed: deed.endswith("-daemon")))
    lasts_s = round(luck.uniform(0, 6), 1)
    return NamedFault(name="by chance", method=method, when=when, does=ordered, lasts_s=lasts_s, ends=Ends.EITHER)


def _are_possible(first: str, second: str) -> bool:
    """Two different ones; a libvirtd that was killed cannot be stalled."""
    (what, where), (other, elsewhere) = (deed.partition(" ")[::2] for deed in (first, second))
    return first != second and not ("libvirtd" in what and "libvirtd" in other and where == elsewhere)


def tell(text: str) -> None:
    """pytest shows it where the test fails; with `-s` always."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def test_whatever_happens_nothing_is_lost(lab: RunningLab, solo: str, daemon_for: Callable[..., DaemonRun]) -> None:
    luck, until, rounds = random.Random(SEED), time.monotonic() + FOR_S, 0
    while time.monotonic() < until:
        rounds += 1
        fault = by_chance(luck)
        tell(f"seed {SEED}, round {rounds}: {fault}")
        one = Trial.of(lab, daemon_for(solo), solo, fault.method)
        assert undergo(one, fault) == []
        one.mend()
    assert rounds
    tell(f"seed {SEED}: {rounds} rounds")
