"""How long the guest may be paused at the switch-over: a ladder that is climbed only on a stall. Pure.

QEMU switches over once what remains can be sent within the downtime limit. A low limit gives a short pause, and may
never be met by a guest that writes fast. So the limit starts low, and climbs a step when a memory iteration ends
without having got below the best remaining so far. Iterations, not timers: remaining bytes oscillate.
"""

from __future__ import annotations

from dataclasses import dataclass

from ferryman.fleet.hypervisor import Job, JobPhase

START_MS = 20
"""Far below libvirt's 300 ms; reached at once by a guest that writes little."""
_LEAST_STRETCH_BYTES = 8 * 1024 * 1024
_STRETCH_S = 0.08
_LOOKS_AHEAD = 2
_STEPS_MS = (20, 50, 100, 200, 300, 500, 1000, 2000)
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


def ladder(max_downtime_ms: int | None) -> Ladder:
    """The ladder's foot. Its top is what the spec promises, or the last step."""
    most = max_downtime_ms if max_downtime_ms is not None else _STEPS_MS[-1]
    return Ladder(limit_ms=min(START_MS, most), most_ms=most)


def foot_only() -> Ladder:
    """A ladder of one step: ferryman is to suspend the guest before the hypervisor gets so far.

    Not lower: were a look late, the hypervisor would pass over memory again and again.
    """
    return Ladder(limit_ms=START_MS, most_ms=START_MS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Approach:
    """How a migration that is to be suspended comes near the end of its first pass over memory."""

    remaining_bytes: int | None = None
    """At the last look; None: memory was not moving yet."""
    slowest_look_s: float = 0.0
    """The longest time between two looks so far: so late may the next one be too."""


def approached(before: Approach, job: Job, look_s: float) -> Approach:
    """After one more look, `look_s` after the one before."""
    remaining = job.memory_remaining_bytes if job.phase is JobPhase.MEMORY else None
    return Approach(remaining_bytes=remaining, slowest_look_s=max(before.slowest_look_s, look_s))


def is_last_stretch(before: Approach, job: Job, look_s: float) -> bool:
    """Suspend now: the first pass may be through by the next look, and the guest must stand still by then.

    What is passed over in a look's time is the hypervisor's figure or, where zero pages make it more, what is gone
    since the last look. Example: 170 MiB/s, looks up to 20 ms apart: once 14 MiB remain; 100 ms apart: once 34 MiB do.
    """
    if job.phase is not JobPhase.MEMORY:
        return False
    gone = 0 if before.remaining_bytes is None else before.remaining_bytes - job.memory_remaining_bytes
    rate = max(job.memory_bytes_s, int(gone / look_s) if look_s > 0 else 0)
    near = max(_LEAST_STRETCH_BYTES, int(rate * max(_STRETCH_S, _LOOKS_AHEAD * max(before.slowest_look_s, look_s))))
    return job.memory_iteration > 1 or job.memory_remaining_bytes < near


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
    return _with(at, job, best=best, stalled=0, limit=_next(at))


def _next(at: Ladder) -> int:
    return min(at.most_ms, next((step for step in _STEPS_MS if step > at.limit_ms), at.most_ms))


def _with(at: Ladder, job: Job, *, best: int, stalled: int, limit: int | None = None) -> Ladder:
    return Ladder(
        limit_ms=at.limit_ms if limit is None else limit,
        most_ms=at.most_ms,
        iteration=job.memory_iteration,
        best_remaining_bytes=best,
        stalled=stalled,
    )
