"""Live: memory, and disks where they are not shared, move while the guest runs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import wait as wait_for

from ferryman.fleet.errors import FleetError
from ferryman.fleet.hypervisor import Job, JobPhase, LiveMigration
from ferryman.migration.convergence import Ladder, climb, ladder, one_iteration
from ferryman.migration.move import LeftRunningError, Move
from ferryman.planning.decisions import SwitchOver
from ferryman.records.values import Step

_LOOK_EVERY_S = 0.2
_PHASES = {
    JobPhase.NONE: "starting",
    JobPhase.SETUP: "starting",
    JobPhase.DISKS: "copying disks",
    JobPhase.MEMORY: "copying memory",
}


def transfer(move: Move, request: LiveMigration) -> None:
    """Run the hypervisor's migration to its end, climbing the ladder meanwhile.

    Raises FleetError; what the failure left at either end is for `settling` to see. Raises LeftRunningError when the
    daemon is stopping: the migration is peer-to-peer, goes on, and is adopted at the next start.
    """
    migrations = move.ends.source.migrations
    migrations.set_max_downtime(request.vm, _first_steps(move).limit_ms)
    move.advance(Step.TRANSFERRING)
    if move.entry.autostart:
        # Once it has left, a reboot of the source must not bring up a second copy from the old disks.
        move.ends.source.domains.disarm(request.vm)
    call = _in_background(migrations.migrate, request)
    watch(move, call)
    if not call.done():
        raise LeftRunningError(f"{request.vm}'s migration goes on without the daemon", "Start ferryman again.")
    call.result()


def _in_background(migrate: Callable[[LiveMigration], None], request: LiveMigration) -> Future[None]:
    """A daemon thread, not an executor's: a stopping daemon must not wait for it."""
    call: Future[None] = Future()

    def run() -> None:
        try:
            migrate(request)
        except FleetError as error:
            call.set_exception(error)
        else:
            call.set_result(None)
        finally:
            call.cancel()  # of no effect but where the thread dies of a fault: then nobody waits for it for ever

    threading.Thread(target=run, name=f"migrate {request.vm}", daemon=True).start()
    return call


def watch(move: Move, call: Future[None] | None) -> None:
    """Follow a migration job until the call that runs it ends; without a call (adopted), until the job is gone."""
    watching = _Watch(move)
    while not _over(move, call):
        watching.look()


def _over(move: Move, call: Future[None] | None) -> bool:
    if call is not None:
        return bool(wait_for([call], timeout=_LOOK_EVERY_S).done) or move.stop.is_set()
    if move.stop.wait(_LOOK_EVERY_S):
        return True
    return move.ends.source.migrations.job(move.entry.vm).phase is JobPhase.NONE


def _first_steps(move: Move) -> Ladder:
    return one_iteration() if move.entry.switch_over is SwitchOver.ONE_ITERATION else ladder(move.entry.max_downtime_ms)


class _Watch:
    """What is seen of one job, and how it is steered to its switch-over.

    A look that fails changes nothing: the migration goes on without being watched.
    """

    def __init__(self, move: Move) -> None:
        self._move = move
        self._steps = _first_steps(move)

    def look(self) -> None:
        """Look once."""
        asked_ns = self._move.clock.monotonic_ns()
        try:
            job = self._move.ends.source.migrations.job(self._move.entry.vm)
            self._steer(job)
        except FleetError:
            return
        if job.phase in (JobPhase.SETUP, JobPhase.DISKS):
            self._move.undisturbed_until_ns = asked_ns
        self._move.disk_bytes = max(self._move.disk_bytes, job.disk_processed_bytes)
        self._move.report(_PHASES[job.phase], job)

    def _steer(self, job: Job) -> None:
        climbed = climb(self._steps, job)
        if climbed.limit_ms != self._steps.limit_ms:
            self._move.ends.source.migrations.set_max_downtime(self._move.entry.vm, climbed.limit_ms)
        self._steps = climbed
