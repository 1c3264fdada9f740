"""What to do about a migration that is under way, after each look at its job. Pure: time is an argument.

The downtime limit climbs its ladder (`convergence`). Where that ends without the memory getting less, the spec says
what comes of it. Before that, one whose disks are written faster than they are sent is cancelled (`filling`): post-copy
lets memory follow and no disks, and a pause would last for as long as they take. And a migration of which nothing moves
any more is given up: it would hold its place for ever.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from ferryman.fleet.migrating import Job, JobPhase
from ferryman.fleet.values import DirtyRate
from ferryman.migration.live.convergence import Ladder, climb, first_step_only, ladder, one_iteration
from ferryman.migration.live.easing import (
    DRAINING_MIB_S,
    LOOK_EVERY_S,
    draining_s,
    eased_mib_s,
    is_last_moment,
    look_soon_s,
)
from ferryman.migration.live.filling import NOTHING_SENT, Filling, filled
from ferryman.planning.modes import SwitchOver
from ferryman.planning.remainder import surely_written_ms
from ferryman.specs.choices import Method, OnStall

SILENT_S = 60.0
"""A migration of which no byte has moved for so long is given up."""
_SLOWED_PASSES, _SLOWED_S = 4, 5.0
"""QEMU slows a guest down further after every second pass that got nowhere, of a second at least (auto-converge): where
it did not for longer than this, it will not."""
_NEAR_THE_END = 0.1
"""Of its memory: what then remains of the one iteration is sent in a moment."""


class Turn(StrEnum):
    """What is to be done about a migration."""

    GO_ON = "go-on"
    """Nothing; look again."""
    POST_COPY = "post-copy"
    """Let the guest run at the destination. The point of no return."""
    PAUSE = "pause"
    """Suspend the guest, so that what remains gets less."""
    ABORT = "abort"
    """Cancel: it does not converge, and its spec wants nothing harsher."""
    GIVE_UP = "give-up"
    """Cancel: nothing moves any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a migration is steered by."""

    method: Method
    on_stall: OnStall
    switch_over: SwitchOver
    max_downtime_ms: int | None = None
    dirty: DirtyRate | None = None
    """How fast the guest was seen to write before the move; None: not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """Where a migration stands."""

    ladder: Ladder
    turn: Turn = Turn.GO_ON
    """Each turn but GO_ON is taken once. After that the only further one is GIVE_UP: nothing was sent for SILENT_S."""
    moved_bytes: int = -1
    moved_at_s: float = 0.0
    disks: Filling = NOTHING_SENT
    memory_since_s: float | None = None
    full_bytes_s: int | None = None
    """Its speed before it was eased, from the last moment of its one iteration on."""
    cap_mib_s: int | None = None
    """What it is eased to."""
    switch_at_s: float | None = None
    """When it is switched to post-copy; until then what is queued drains. None: it is not to be."""
    throttle_percent: int = 0
    throttled_in: int = 0
    """The pass, and below the time, in which the guest was last slowed down further."""
    throttled_at_s: float = 0.0


def course(rules: Rules, now_s: float) -> Course:
    """Before the first look."""
    return Course(ladder=_first_steps(rules), moved_at_s=now_s)


def steer(at: Course, job: Job, rules: Rules, now_s: float) -> Course:
    """After one more look."""
    if at.turn in (Turn.ABORT, Turn.GIVE_UP) or job.phase in _STEERED_NO_MORE:
        return at
    at = _throttled(_clocked(at, job, now_s), job, now_s)
    if now_s - at.moved_at_s >= SILENT_S:
        return replace(at, turn=Turn.GIVE_UP)
    if at.turn is not Turn.GO_ON:
        return at
    if at.switch_at_s is not None:
        return replace(at, turn=Turn.POST_COPY) if now_s >= at.switch_at_s else at
    at, climbed = _eased(_filled(at, job, now_s), job, rules), climb(at.ladder, job)
    if at.full_bytes_s is not None:
        # What remains once the guest stands still is sent without a cap.
        job = replace(job, memory_bytes_s=at.full_bytes_s)
    if job.phase is JobPhase.DISKS and at.disks.is_stuck:
        return replace(at, turn=Turn.ABORT)
    if _is_stuck(at, climbed, job, rules, now_s):
        return _turned(replace(at, ladder=climbed), _TURNS[rules.on_stall], job, now_s)
    return replace(at, ladder=climbed)


def _turned(at: Course, turn: Turn, job: Job, now_s: float) -> Course:
    """Before post-copy, what is queued drains where that takes long."""
    wait_s = draining_s(job) if turn is Turn.POST_COPY else 0.0
    if not wait_s:
        return replace(at, turn=turn)
    full_bytes_s = at.full_bytes_s or job.memory_bytes_s
    return replace(at, full_bytes_s=full_bytes_s, cap_mib_s=DRAINING_MIB_S, switch_at_s=now_s + wait_s)


def look_in_s(at: Course, job: Job | None, rules: Rules) -> float:
    """When to look again; None: it has not been looked at yet."""
    return look_soon_s(job, at.full_bytes_s) if job is not None and _is_eased(rules) else LOOK_EVERY_S


_STEERED_NO_MORE = (JobPhase.NONE, JobPhase.POST_COPY, JobPhase.POST_COPY_BROKEN)
_TURNS = {OnStall.POST_COPY: Turn.POST_COPY, OnStall.PAUSE: Turn.PAUSE, OnStall.ABORT: Turn.ABORT}


def _first_steps(rules: Rules) -> Ladder:
    if rules.switch_over is SwitchOver.ONE_ITERATION:
        return one_iteration()
    # Post-copy is chosen for a short pause: it switches at the first stall rather than climb.
    return first_step_only() if rules.method is Method.POST_COPY else ladder(rules.max_downtime_ms)


def _clocked(at: Course, job: Job, now_s: float) -> Course:
    """With the time of the last byte, and of the first of memory."""
    if at.memory_since_s is None and job.phase is JobPhase.MEMORY:
        at = replace(at, memory_since_s=now_s)
    moved = job.memory_processed_bytes + job.disk_processed_bytes
    return at if moved == at.moved_bytes else replace(at, moved_bytes=moved, moved_at_s=now_s)


def _filled(at: Course, job: Job, now_s: float) -> Course:
    return replace(at, disks=filled(at.disks, job, now_s)) if job.phase is JobPhase.DISKS else at


def _throttled(at: Course, job: Job, now_s: float) -> Course:
    """With the last time that the guest was slowed down further."""
    if job.throttle_percent <= at.throttle_percent:
        return at
    return replace(at, throttle_percent=job.throttle_percent, throttled_in=job.memory_iteration, throttled_at_s=now_s)


def _eased(at: Course, job: Job, rules: Rules) -> Course:
    """In its last moment."""
    if at.full_bytes_s is None and not (_is_eased(rules) and is_last_moment(job)):
        return at
    full_bytes_s = at.full_bytes_s or job.memory_bytes_s
    return replace(at, full_bytes_s=full_bytes_s, cap_mib_s=eased_mib_s(job, full_bytes_s))


def _is_eased(rules: Rules) -> bool:
    """Of a guest that is stopped as soon as its memory was sent once."""
    return rules.method is Method.LIVE and rules.switch_over is SwitchOver.ONE_ITERATION


def _is_being_slowed(at: Course, job: Job, now_s: float) -> bool:
    """Whether it may yet be slowed down enough."""
    lately = job.memory_iteration - at.throttled_in < _SLOWED_PASSES or now_s - at.throttled_at_s < _SLOWED_S
    return at.throttle_percent > 0 and lately


def _is_stuck(at: Course, climbed: Ladder, job: Job, rules: Rules, now_s: float) -> bool:
    if job.phase is not JobPhase.MEMORY:
        return False
    if rules.switch_over is SwitchOver.ONE_ITERATION:
        return _is_hopeless_at_once(job, rules, _elapsed_s(at, now_s))
    return climbed.exhausted and not _is_being_slowed(at, job, now_s)


def _elapsed_s(at: Course, now_s: float) -> float:
    """Since the first of its memory was sent."""
    return now_s - (at.memory_since_s if at.memory_since_s is not None else now_s)


def _is_hopeless_at_once(job: Job, rules: Rules, elapsed_s: float) -> bool:
    """Of a guest that is stopped after one iteration: what it wrote meanwhile can only be foretold."""
    if rules.on_stall is OnStall.POST_COPY:
        # There the pause is the shorter one in any case; but `live` takes no such risk while its promise holds without.
        wanted = rules.method is Method.POST_COPY or not _may_keep_promise(job, rules, elapsed_s)
        return wanted and job.memory_remaining_bytes < _NEAR_THE_END * job.memory_total_bytes
    return _surely_breaks_promise(job, rules, elapsed_s)


def _may_keep_promise(job: Job, rules: Rules, elapsed_s: float) -> bool:
    """Whether the rest is expected to be sent in time."""
    rest_ms = expected_rest_ms(job, rules.dirty, elapsed_s)
    return rest_ms is not None and rules.max_downtime_ms is not None and rest_ms <= rules.max_downtime_ms


def _surely_breaks_promise(job: Job, rules: Rules, elapsed_s: float) -> bool:
    """Whether what the guest was seen to write surely takes longer."""
    if rules.dirty is None or rules.max_downtime_ms is None or job.memory_bytes_s <= 0:
        return False
    return surely_written_ms(rules.dirty, _pass_s(job, elapsed_s), job.memory_bytes_s) > rules.max_downtime_ms


def expected_rest_ms(job: Job, dirty: DirtyRate | None, elapsed_s: float) -> float | None:
    """How long sending will take, after one iteration, what the guest writes during it; None: not known.

    Example: 10 s passed, 50 MiB remain at 5 MiB/s, so the iteration takes 20 s; a guest that writes 2 MiB/s will have
    written 40 MiB, which take 8,000 ms. No guest can have written more than all its memory.
    """
    if dirty is None or job.memory_bytes_s <= 0:
        return None
    written = min(job.memory_total_bytes, dirty.written_bytes(_pass_s(job, elapsed_s)))
    return written / job.memory_bytes_s * 1000


def _pass_s(job: Job, elapsed_s: float) -> float:
    """How long the whole iteration takes, as it goes on now."""
    return elapsed_s + job.memory_remaining_bytes / job.memory_bytes_s
