"""Live: memory, and disks where they are not shared, move while the guest runs (or stands still: `paused`)."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress

from ferryman.fleet.deadlines import begin
from ferryman.fleet.errors import FailureKind, FleetError, HostUnreachableError, OperationFailedError
from ferryman.fleet.migrating import Job, JobPhase, LiveMigration
from ferryman.fleet.values import Power
from ferryman.migration.live.giving_up import why_given_up
from ferryman.migration.live.steering import Rules, Turn, course, look_in_s, steer
from ferryman.migration.move import LeftRunningError, Move, MoveFailedError, stopped
from ferryman.records.audit.timeline import Mark
from ferryman.records.journal.entry import Step

_TELL_EVERY_S = 5.0
_LOOKS_AT_ORPHANS = 5
_BLIND_S = 60.0
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


def transfer(move: Move, request: LiveMigration) -> None:
    """Run the hypervisor's migration to its end, steering it meanwhile.

    Raises FleetError; what the failure left at either end is for `settling` to see. Raises LeftRunningError when the
    daemon is stopping and the migration is peer-to-peer: it goes on, and is adopted at the next start.
    """
    migrations = move.ends.source.migrations
    migrations.set_max_downtime(request.vm, Watch(move).limit_ms)
    move.asks(request)
    if move.entry.autostart:
        # Once it has left, a reboot of the source must not bring up a second copy from the old disks.
        move.ends.source.definitions.disarm(request.vm)
    try:
        _migrate(move, request)
    except OperationFailedError as error:
        if error.kind is not FailureKind.PEER_UNREACHED or move.through is not None or not _is_untouched(move):
            raise
        move.drives_itself(f"the libvirtd of {move.entry.source} does not reach its peer: {error.reason}")
        move.warnings.append(f"{move.entry.driven_because}; so the daemon drove the move itself. {error.remedy}")
        _migrate(move, request)


def _is_untouched(move: Move) -> bool:
    """Whether nothing has come of a migration yet: nothing was sent, and nothing stands at the destination."""
    if move.stop.is_set() or move.sent is not None or move.disk_bytes:
        return False
    here, there = move.ends.source.power.state(move.entry.vm), move.ends.destination.power.state(move.entry.vm)
    return here is Power.RUNNING and there is None


def _migrate(move: Move, request: LiveMigration) -> None:
    migrations = move.ends.source.migrations
    call = _begin(move, f"migrate {request.vm}", lambda: migrations.migrate(request, move.through))
    _follow(move, Watch(move), call)


def resume(move: Move, request: LiveMigration) -> None:
    """Take up a post-copy migration whose connection broke. Raises as `transfer` does."""
    # A destination that was not told waits for ever for the source's next word, and takes no other meanwhile.
    _tell_destination(move)
    migrations, vm = move.ends.source.migrations, request.vm
    _follow(move, Watch(move), _begin(move, f"resume {vm}", lambda: migrations.resume_post_copy(request, move.through)))


def adopt(move: Move) -> None:
    """Follow a migration that an earlier daemon began, until its job is gone. Raises FleetError.

    One that hung on that daemon is left after a few looks: what is at the destination may be gone by then. One that
    somebody else began, as ours was never asked for or has failed, is only watched.
    """
    ours = move.entry.request is not None and not move.call_failed
    watching, looks = Watch(move, steers=ours), 0
    while not move.stop.wait(watching.look_in_s) and (move.through is None or looks < _LOOKS_AT_ORPHANS):
        looks += 1
        if move.ends.source.migrations.job(move.entry.vm).phase in (JobPhase.NONE, JobPhase.POST_COPY_BROKEN):
            return
        watching.look()


def _begin(move: Move, name: str, call: Callable[[], None]) -> Future[None]:
    return begin(name, call, move.work.begin)


def _follow(move: Move, watching: Watch, call: Future[None]) -> None:
    while not (move.work.wait([call], watching.look_in_s) or _may_leave(move) or watching.is_blind()):
        watching.look()
        if move.stop.is_set():
            watching.take_back()
    if not call.done() and not _may_leave(move):
        raise HostUnreachableError(
            f"libvirtd on {move.entry.source} has said nothing of migrating {move.entry.vm} for {_BLIND_S:.0f} s",
            f"Look at it there: systemctl status libvirtd (on {move.entry.source})",
        )
    if not call.done():
        raise LeftRunningError(f"{move.entry.vm}'s migration goes on without the daemon", "Start ferryman again.")
    try:
        call.result()
    except FleetError as error:
        raise watching.given_up() or error from error


def _tell_destination(move: Move) -> None:
    """Have its dead connection dropped. Where that cannot be done, it may yet notice by itself: that is said, once."""
    try:
        move.ends.destination.migrations.drop_incoming(move.entry.vm)
    except OperationFailedError as error:
        said = f"{error.reason}; until it is dropped there, its memory may not follow. {error.remedy}"
        if said not in move.warnings:
            move.warnings.append(said)


def _may_leave(move: Move) -> bool:
    """Whether the daemon is stopping and the migration goes on without it."""
    return move.stop.is_set() and move.through is None


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
            self._move.undisturbed_until_ns = asked_ns
        self._move.sent = job if job.memory_total_bytes else self._move.sent
        self._move.disk_bytes = max(self._move.disk_bytes, job.disk_processed_bytes)
        over = job.phase is JobPhase.NONE and self._move.sent is not None
        self._move.report("finishing" if over else _PHASES[job.phase], job)

    def is_blind(self) -> bool:
        """Whether nothing was seen of the job for so long that its call is not to be waited for."""
        return self._now_s() - self._seen_at_s > _BLIND_S

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
            _tell_destination(self._move)
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
            self._move.note(Mark.STEERED, detail=f"a downtime of {after.ladder.limit_ms} ms {_so_far(job)}")
        if after.cap_mib_s is not None and after.cap_mib_s != before.cap_mib_s:
            self._move.ends.source.migrations.set_max_bandwidth(self._move.entry.vm, after.cap_mib_s)
            self._move.note(Mark.STEERED, detail=f"{after.cap_mib_s} MiB/s {_so_far(job)}")
        ends = after.turn in (Turn.ABORT, Turn.GIVE_UP)
        if after.turn is not before.turn:
            self._move.note(Mark.STEERED, detail=f"{after.turn} {_so_far(job)}")
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
            self._move.advance(Step.SWITCHING)
            try:
                source.migrations.start_post_copy(vm)
            except OperationFailedError as error:
                if error.kind is not FailureKind.BUSY:
                    self._move.did_not_switch()
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
        dirty_bytes_s=entry.dirty_bytes_s,
    )
