"""What is seen of one live migration's job, and how it is steered to its switch-over: what `steering` decides, done."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from ferryman.fleet.errors import FailureKind, FleetError, OperationFailedError
from ferryman.fleet.migrating import Job, JobPhase
from ferryman.migration.errors import MoveFailedError, stopped
from ferryman.migration.live.giving_up import why_given_up
from ferryman.migration.live.steering import Rules, Turn, course, look_in_s, steer
from ferryman.migration.move import Move
from ferryman.records.audit.timeline import Mark
from ferryman.records.journal.entry import Step

_TELL_EVERY_S = 5.0
BLIND_S = 60.0
"""A source that is silent for so long is not waited for in its own call, which may never return."""
_NS_PER_S = 1_000_000_000
_MIB = 1024 * 1024
_PHASES = {
    JobPhase.NONE: "starting",
    JobPhase.SETUP: "starting",
    JobPhase.DISKS: "copying disks",
    JobPhase.MEMORY: "copying memory",
    JobPhase.POST_COPY: "running there, memory follows",
    JobPhase.POST_COPY_BROKEN: "standing still: the connection broke",
}


def tell_destination(move: Move) -> None:
    """Have its dead connection dropped. Where that cannot be done, it may yet notice by itself: that is said, once."""
    try:
        move.ends.destination.migrations.drop_incoming(move.entry.vm)
    except OperationFailedError as error:
        said = f"{error.reason}; until it is dropped there, its memory may not follow. {error.remedy}"
        if said not in move.warnings:
            move.warnings.append(said)


class Watch:
    """What is seen of one job, and how it is steered to its switch-over.

    A look that fails changes nothing: the migration goes on without being watched.
    """

    def __init__(self, move: Move, *, steers: bool = True) -> None:
        self._move = move
        self._steers = steers
        self._rules = _rules(move)
        self._course = course(self._rules, self._now_s())
        self._memory_left_bytes = self._disks_left_bytes = 0
        self._tell_at_s = 0.0
        self._seen_at_s = self._now_s()
        self.look_in_s = look_in_s(self._course, None, self._rules)
        """When to look next."""
        self._taken_back = False
        self._runs_there = False
        """Its memory was seen to follow it: a connection that is just being made anew is none that broke."""

    @property
    def limit_ms(self) -> int:
        """The downtime limit to begin with."""
        return self._course.ladder.limit_ms

    def look(self) -> None:
        """Look once."""
        asked_ns = self._move.clock.monotonic_ns()
        try:
            job = self._move.ends.source.migrations.job(self._move.entry.vm)
            if self._steers:
                self._steer(job)
            self._runs_there |= job.phase is JobPhase.POST_COPY
            if self._runs_there and job.phase is JobPhase.POST_COPY_BROKEN:
                self._tell_destination()
        except FleetError:
            return
        self._seen_at_s = self._now_s()
        self.look_in_s = look_in_s(self._course, job, self._rules)
        if job.phase in (JobPhase.SETUP, JobPhase.DISKS):
            self._move.logbook.undisturbed_until_ns = asked_ns
        if job.memory_total_bytes:
            # Its speed is the link's, and not what it was eased to.
            self._move.sent = replace(job, memory_bytes_s=self._course.full_bytes_s or job.memory_bytes_s)
        self._move.disk_bytes = max(self._move.disk_bytes, job.disk_processed_bytes)
        over = job.phase is JobPhase.NONE and self._move.sent is not None
        self._move.logbook.report("finishing" if over else _PHASES[job.phase], job)

    def is_blind(self) -> bool:
        """Whether nothing was seen of the job for so long that its call is not to be waited for."""
        return self._now_s() - self._seen_at_s > BLIND_S

    def take_back(self) -> None:
        """Cancel it, as the daemon is stopping and it would end with it; not after the point of no return."""
        if not self._move.entry.switched:
            self._taken_back = True
            with suppress(FleetError):  # it is asked again until the migration's call is over
                self._move.ends.source.migrations.abort(self._move.entry.vm)

    def given_up(self) -> MoveFailedError | None:
        """Why this watch cancelled the migration; None: it did not."""
        if self._taken_back:
            return stopped(self._move.entry.vm)
        left = self._disks_left_bytes if self._course.memory_since_s is None else self._memory_left_bytes
        return why_given_up(self._move.entry, self._course, left)

    def _tell_destination(self) -> None:
        """A destination that was not told waits for the source's next word for ever, and libvirt's call with it."""
        if self._now_s() >= self._tell_at_s:
            tell_destination(self._move)
            self._tell_at_s = self._now_s() + _TELL_EVERY_S

    def _steer(self, job: Job) -> None:
        """What fails is done again at the next look: a course is kept once all of it had its effect."""
        before, after = self._course, steer(self._course, job, self._rules, self._now_s())
        self._memory_left_bytes = job.memory_remaining_bytes or self._memory_left_bytes
        self._disks_left_bytes = job.disk_remaining_bytes or self._disks_left_bytes
        if before.memory_since_s is None and after.memory_since_s is not None:
            self._give_memory_the_whole_cap()
        if after.ladder.limit_ms != before.ladder.limit_ms:
            self._move.ends.source.migrations.set_max_downtime(self._move.entry.vm, after.ladder.limit_ms)
            self._move.logbook.note(Mark.STEERED, detail=f"a downtime of {after.ladder.limit_ms} ms {_so_far(job)}")
        if after.cap_mib_s is not None and after.cap_mib_s != before.cap_mib_s:
            self._move.ends.source.migrations.set_max_bandwidth(self._move.entry.vm, after.cap_mib_s)
            self._move.logbook.note(Mark.STEERED, detail=f"{after.cap_mib_s} MiB/s {_so_far(job)}")
        ends = after.turn in (Turn.ABORT, Turn.GIVE_UP)
        if after.turn is not before.turn:
            self._move.logbook.note(Mark.STEERED, detail=f"{after.turn} {_so_far(job)}")
        if ends:
            self._course = after  # the migration may end of it, whatever the call says
        if ends or after.turn is not before.turn:
            self._take(after.turn)
        self._course = after

    def _give_memory_the_whole_cap(self) -> None:
        """Several disks shared it until now."""
        request = self._move.entry.request
        if request is not None and request.bandwidth_mib_s and len(request.copied_disks) > 1:
            self._move.ends.source.migrations.set_max_bandwidth(request.vm, request.bandwidth_mib_s)

    def _take(self, turn: Turn) -> None:
        vm, source = self._move.entry.vm, self._move.ends.source
        if turn is Turn.POST_COPY:
            self._move.intent.advance(Step.SWITCHING)
            try:
                source.migrations.start_post_copy(vm)
            except OperationFailedError as error:
                if error.kind is not FailureKind.BUSY:
                    self._move.intent.did_not_switch()
                raise
            self._runs_there = True
        elif turn is Turn.PAUSE:
            source.power.suspend(vm)
        elif turn in (Turn.ABORT, Turn.GIVE_UP):
            source.migrations.abort(vm)

    def _now_s(self) -> float:
        return self._move.clock.monotonic_ns() / _NS_PER_S


def _so_far(job: Job) -> str:
    if job.phase is JobPhase.DISKS:
        return f"with {job.disk_remaining_bytes / _MIB:.1f} MiB of disks left"
    slowed = f", slowed down by {job.throttle_percent} %" if job.throttle_percent else ""
    return f"in pass {job.memory_iteration}, {job.memory_remaining_bytes / _MIB:.1f} MiB left{slowed}"


def _rules(move: Move) -> Rules:
    entry = move.entry
    return Rules(
        method=entry.method,
        on_stall=entry.on_stall,
        switch_over=entry.switch_over,
        max_downtime_ms=entry.max_downtime_ms,
        dirty=entry.dirty,
    )
