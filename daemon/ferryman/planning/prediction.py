"""How long each method will keep a VM down, and how long the move will take, as far as that can be known. Pure.

A prediction has up to two figures for the downtime: the best guess, and what it will be at least by what was measured.
Only the second one refuses a method: a guess stops nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import assert_never

from ferryman.fleet.values import DirtyRate
from ferryman.planning.links import Link, in_mib_s
from ferryman.planning.modes import SwitchOver
from ferryman.planning.past import NO_HISTORY, History, PastMove
from ferryman.planning.plans import Prediction
from ferryman.planning.remainder import CONVERGES_BELOW, least_rest_ms, likely, rest_ms
from ferryman.specs.choices import Method

SWITCH_OVER_MS = 60.0
"""Device state, and the network's learning where the guest is now: 30-110 ms were seen with a limit of 20 ms on shared
storage, 94-176 with disks copied. Used until the VM's own moves say better."""
POST_COPY_MS = 100.0
"""Device state alone. As above."""
QUEUED_MIB = 4
"""What waits in the sender's socket, and is sent before a page that the guest misses: Linux's largest buffer by default
(net.ipv4.tcp_wmem)."""
MISSED_PAGES = 5
"""That the guest misses one after the other before it answers: 1,260 ms were seen at 16 MiB/s, 3,370 at 9.5."""
SHUTDOWN_AND_BOOT_MS = 90_000.0
"""Generous: half a minute to shut down, a minute to boot. As above."""
_PREPARING_S = 1.5
"""Volumes, the probe's baseline, both libvirtd's handshake: moves of 1.3-2.7 s were seen that sent next to nothing."""
_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class DirtyRateUnknown:
    """How fast a guest writes was not measured."""

    reason: str


NOT_MEASURED = DirtyRateUnknown(reason="it was not measured")


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """What is known beyond the readings of both ends."""

    history: History = NO_HISTORY
    dirty: DirtyRate | DirtyRateUnknown = NOT_MEASURED


NOTHING_KNOWN = Knowledge()


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What is to be moved, and over what."""

    vm: str
    source: str
    destination: str
    memory_bytes: int
    disk_bytes: int
    """To be copied."""
    link: Link
    switch_over: SwitchOver
    mirrored: bool
    """A cold move's disks are mirrored before the guest is shut down."""


def predictions(methods: Sequence[Method], task: Task, known: Knowledge) -> dict[Method, Prediction]:
    """What each of these methods will cost, in this order."""
    return {method: predict(method, task, known) for method in methods}


def predict(method: Method, task: Task, known: Knowledge) -> Prediction:
    """What this method will cost. AUTO is none."""
    past = known.history.measured(task.vm, method, task.source, task.destination)
    match method:
        case Method.LIVE:
            return _live(task, known.dirty, past)
        case Method.POST_COPY:
            return _post_copy(task, past)
        case Method.PAUSED:
            return _paused(task, past)
        case Method.COLD:
            return _cold(task, past)
        case Method.AUTO:
            raise AssertionError("auto stands for the other methods")
        case _:
            assert_never(method)


def _live(task: Task, dirty: DirtyRate | DirtyRateUnknown, past: Sequence[PastMove]) -> Prediction:
    if isinstance(dirty, DirtyRateUnknown):
        return _like_before(Method.LIVE, task, past, f"dirty rate not known: {dirty.reason}")
    memory = _memory_sent(task, past)
    switching = [over for move in past if (over := _beyond_rest_ms(move, task)) is not None]
    # What small samples leave out is in what its own moves took beyond the rest.
    writes = dirty if switching else likely(dirty)
    rest = rest_ms(task.switch_over, memory, writes, task.link.bytes_s)
    own = median(switching) if switching else SWITCH_OVER_MS
    pass_s = memory / task.link.bytes_s
    return Prediction(
        method=Method.LIVE,
        downtime_ms=rest + own,
        least_ms=least_rest_ms(task.switch_over, memory, dirty, task.link) + min(switching, default=0.0),
        duration_s=_PREPARING_S + _disks_s(task) + _passes_s(task, pass_s, dirty.bytes_s) + rest / 1000,
        basis=(
            f"it writes {_seen(dirty)}, the link carries {task.link.basis}: "
            f"a pass over {memory / _MIB:.0f} MiB takes {pass_s:.1f} s and leaves {rest:.0f} ms of sending; "
            f"switching over takes {own:.0f} ms ({_of_own(switching)})"
        ),
    )


def _post_copy(task: Task, past: Sequence[PastMove]) -> Prediction:
    """Device state, whatever the guest writes; each page that it then misses waits behind what is queued.

    Example: five times 4 MiB at 16 MiB/s: 100 + 1,250 ms.
    """
    if past:
        return _like_before(Method.POST_COPY, task, past)
    queued_ms = MISSED_PAGES * QUEUED_MIB * _MIB / task.link.bytes_s * 1000
    return Prediction(
        method=Method.POST_COPY,
        downtime_ms=POST_COPY_MS + queued_ms,
        duration_s=_PREPARING_S + _disks_s(task) + task.memory_bytes / task.link.bytes_s,
        basis=f"sending the device state ({_of_own(past)}), then {MISSED_PAGES} missing pages fetched one by one; "
        f"the link carries {task.link.basis}",
    )


def _paused(task: Task, past: Sequence[PastMove]) -> Prediction:
    """All its memory is sent while it stands still. Example: 512 MiB at 64 MiB/s: 8,000 ms."""
    if past:
        return _like_before(Method.PAUSED, task, past)
    sending = task.memory_bytes / task.link.bytes_s * 1000
    return Prediction(
        method=Method.PAUSED,
        downtime_ms=sending + SWITCH_OVER_MS,
        duration_s=_PREPARING_S + _disks_s(task) + sending / 1000,
        basis=f"{task.memory_bytes / _MIB:.0f} MiB of memory are sent while it stands still; the link carries "
        f"{task.link.basis}",
    )


def _cold(task: Task, past: Sequence[PastMove]) -> Prediction:
    """Shutdown and boot; and the disks' copying, where they are not mirrored beforehand."""
    if past:
        return _like_before(Method.COLD, task, past)
    copying = 0.0 if task.mirrored else _disks_s(task) * 1000
    copied = f", and {task.disk_bytes / _MIB:.0f} MiB of disks at {task.link.basis}" if copying else ""
    down = SHUTDOWN_AND_BOOT_MS + copying
    return Prediction(
        method=Method.COLD,
        downtime_ms=down,
        duration_s=_PREPARING_S + down / 1000 + (_disks_s(task) if task.mirrored else 0.0),
        basis=f"shutdown and boot ({_of_own(past)}){copied}",
    )


def _like_before(method: Method, task: Task, past: Sequence[PastMove], unknown: str = "") -> Prediction:
    """As the VM's own moves went: the median; at least what the shortest one was down for certain."""
    if not past:
        return Prediction(method=method, basis=unknown or _of_own(past))
    return Prediction(
        method=method,
        downtime_ms=median(move.downtime_ms or 0.0 for move in past),
        least_ms=min(move.least_ms or 0.0 for move in past),
        duration_s=median(move.duration_s for move in past),
        basis="; ".join(part for part in (f"{_of_own(past)} of {task.vm} by this method", unknown) if part),
    )


def _beyond_rest_ms(move: PastMove, task: Task) -> float | None:
    """What a live move took beyond sending the rest; None where it was not known how fast the guest wrote."""
    if move.downtime_ms is None or move.dirty is None:
        return None
    memory, carried = move.memory_bytes or task.memory_bytes, move.link_bytes_s or task.link.bytes_s
    return max(0.0, move.downtime_ms - rest_ms(move.switch_over, memory, move.dirty, carried))


def _memory_sent(task: Task, past: Sequence[PastMove]) -> int:
    """Empty pages are not sent: no more than the VM's own moves sent at most, where there are any."""
    return min(task.memory_bytes, max((move.memory_bytes for move in past), default=0) or task.memory_bytes)


def _seen(dirty: DirtyRate) -> str:
    """Example: 30 MiB/s, and in 4 s 42 MiB."""
    if dirty.watched_s <= 1.0:
        return in_mib_s(dirty.bytes_s)
    return f"{in_mib_s(dirty.bytes_s)}, and in {dirty.watched_s:.0f} s {dirty.watched_bytes / _MIB:,.0f} MiB"


def _passes_s(task: Task, first_s: float, dirty_bytes_s: int) -> float:
    """All passes together, while the guest runs.

    On the ladder a geometric series. Example: a first pass of 20 s, 2 MiB/s on 5 MiB/s: 20 / (1 - 0.4) = 33.3 s.
    """
    if task.switch_over is SwitchOver.ONE_ITERATION:
        return first_s
    return first_s / (1 - min(CONVERGES_BELOW, dirty_bytes_s / task.link.bytes_s))


def _disks_s(task: Task) -> float:
    return task.disk_bytes / task.link.bytes_s


def _of_own(past: Sequence[object]) -> str:
    """Where a figure comes from."""
    if not past:
        return "a guess: this VM has not moved this way yet"
    return "as in its last move" if len(past) == 1 else f"the median of its last {len(past)} moves"
