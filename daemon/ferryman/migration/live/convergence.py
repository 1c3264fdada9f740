"""How long the guest may be paused at the switch-over: a ladder that is climbed only on a stall. Pure.

QEMU switches over once what remains can be sent within the downtime limit. A low limit gives a short pause, and may
never be met by a guest that writes fast. So the limit starts low, and climbs a step when a memory iteration ends
without having got below the best remaining so far. Iterations, not timers: remaining bytes oscillate.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ferryman.fleet.migrating import Job, JobPhase
from ferryman.planning.switchover import LADDER_FOOT_MS

START_MS = LADDER_FOOT_MS
"""Reached at once by a guest that writes little."""
_STEPS_MS = (START_MS, 50, 100, 200, 300, 500, 1000, 2000)
_STALLED_ITERATIONS = 2
_PROGRESS = 0.96
"""An iteration that leaves less than this share of the best remaining has got further."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """Where a migration stands on the ladder."""

    limit_ms: int
    most_ms: int
    iteration: int = 0
    best_remaining_bytes: int | None = None
    stalled: int = 0
    exhausted: bool = False
    """Stalled at the top."""


def ladder(max_downtime_ms: int | None) -> Ladder:
    """The ladder's foot. Its top is what the spec promises, or the last step."""
    most = max_downtime_ms if max_downtime_ms is not None else _STEPS_MS[-1]
    return Ladder(limit_ms=min(START_MS, most), most_ms=most)


def first_step_only() -> Ladder:
    """A ladder of one step: the first stall is the end of it."""
    return Ladder(limit_ms=START_MS, most_ms=START_MS)


def one_iteration() -> Ladder:
    """A ladder without steps, for a guest whose writes are tracked reliably only until memory was passed over once.

    With a limit of 0 QEMU before 8.0 never asks what was written meanwhile until nothing of the first pass remains;
    it then stops the guest, and only after that asks. From 8.0 on it asks first, and would pass over memory for ever.
    """
    return Ladder(limit_ms=0, most_ms=0)


def climb(at: Ladder, job: Job) -> Ladder:
    """Where it stands after one more look at the job; `limit_ms` is what the hypervisor should be told."""
    if job.phase is not JobPhase.MEMORY or job.memory_iteration <= at.iteration:
        return at
    best = at.best_remaining_bytes
    if best is None or job.memory_remaining_bytes < best * _PROGRESS:
        return _with(at, job, best=job.memory_remaining_bytes, stalled=0)
    stalled = at.stalled + 1
    if stalled < _STALLED_ITERATIONS:
        return _with(at, job, best=best, stalled=stalled)
    if at.limit_ms >= at.most_ms:
        return replace(_with(at, job, best=best, stalled=0), exhausted=True)
    return _with(at, job, best=best, stalled=0, limit=_next(at))


def _next(at: Ladder) -> int:
    return min(at.most_ms, next((step for step in _STEPS_MS if step > at.limit_ms), at.most_ms))


def _with(at: Ladder, job: Job, *, best: int, stalled: int, limit: int | None = None) -> Ladder:
    return replace(
        at,
        limit_ms=at.limit_ms if limit is None else limit,
        iteration=job.memory_iteration,
        best_remaining_bytes=best,
        stalled=stalled,
    )
