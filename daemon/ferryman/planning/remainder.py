"""What a guest that writes on leaves to be sent while it stands still: by its dirty rate and the link. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from ferryman.fleet.values import DirtyRate
from ferryman.planning.links import Link
from ferryman.planning.modes import SwitchOver
from ferryman.planning.switchover import LADDER_FOOT_MS

SAMPLED_BYTES = 2 * 1024 * 1024
"""What one page of a dirty rate's sample stands for: QEMU looks at 512 pages of each GiB. The sample is surely no more
than one page above the truth."""
CONVERGES_BELOW = 0.96
"""Of the link's speed: a guest that writes faster leaves no less after a pass than before it (see convergence)."""
_MIB = 1024 * 1024


def rest_ms(switch_over: SwitchOver, memory_bytes: int, dirty: DirtyRate, link_bytes_s: int) -> float:
    """How long what a guest wrote is sent while it stands still.

    After one pass only: what it wrote during that pass, at most all its memory.
    Example: 100 MiB at 5 MiB/s pass in 20 s; at 2 MiB/s it then has written 40 MiB, which take 8,000 ms.

    On the ladder each pass leaves dirty/link of the one before, down to what the ladder's foot allows.
    Example: 2 MiB/s on 5 MiB/s: 40 MiB, 16, 6.4, ... and 20 ms in the end. At 5 MiB/s or more passes get no shorter:
    all of the 100 MiB may remain, 20,000 ms.
    """
    pass_s = memory_bytes / link_bytes_s
    match switch_over:
        case SwitchOver.ONE_ITERATION:
            return min(memory_bytes, dirty.written_bytes(pass_s)) / link_bytes_s * 1000
        case SwitchOver.LADDER:
            return min(pass_s * 1000, LADDER_FOOT_MS) if _converges(dirty, link_bytes_s) else pass_s * 1000
        case _:
            assert_never(switch_over)


def least_rest_ms(switch_over: SwitchOver, memory_bytes: int, dirty: DirtyRate, link: Link) -> float:
    """What of `rest_ms` was measured. On the ladder a guest that converges may leave nothing.

    Nothing on the way stops a guest from breaking its promise that moves in one pass. So it is taken to write on as it
    did in the later part of the measurement; but not where the length of a pass is a guess.
    """
    if switch_over is SwitchOver.LADDER and _converges(dirty, link.bytes_s):
        return 0.0
    pass_s = memory_bytes / link.bytes_s
    if switch_over is SwitchOver.LADDER:
        # Passes get as short as a second.
        return min(pass_s * 1000, surely_written_ms(dirty, min(pass_s, 1.0), link.bytes_s))
    least_ms = surely_written_ms(dirty, pass_s, link.bytes_s)
    if link.is_known and dirty.watched_s > 1.0:
        surely = replace(dirty, watched_bytes=max(dirty.bytes_s, dirty.watched_bytes - SAMPLED_BYTES))
        least_ms = max(least_ms, max(0.0, surely.written_bytes(pass_s) - SAMPLED_BYTES) / link.bytes_s * 1000)
    return min(pass_s * 1000, least_ms)


def surely_written_ms(dirty: DirtyRate, pass_s: float, link_bytes_s: int) -> float:
    """How long sending takes what the guest surely writes during a pass: as much as in the measurement, less a sample.

    After it, it may go on writing to the same pages. Example: 42 MiB written while it was watched, 5 MiB/s: 8,000 ms.
    """
    written = dirty.written_bytes(min(pass_s, dirty.watched_s))
    return max(0.0, written - SAMPLED_BYTES) / link_bytes_s * 1000


def likely(dirty: DirtyRate) -> DirtyRate:
    """How fast a guest writes by a dirty rate of small samples: half a sampled page above it (Jeffreys' prior).

    A guest of 96 MiB of which no sampled page was written writes something all the same. QEMU tells whole MiB a second:
    over a longer time half of one is lost for each second.
    """
    half = SAMPLED_BYTES // 2
    cut_off = int(dirty.watched_s * _MIB / 2)
    return replace(dirty, bytes_s=dirty.bytes_s + half, watched_bytes=dirty.watched_bytes + half + cut_off)


def _converges(dirty: DirtyRate, link_bytes_s: int) -> bool:
    return dirty.bytes_s < CONVERGES_BELOW * link_bytes_s
