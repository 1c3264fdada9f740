"""Live: memory, and disks where they are not shared, move while the guest runs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import wait as wait_for

from ferryman.fleet.errors import FleetError
from ferryman.fleet.hypervisor import JobPhase, LiveMigration
from ferryman.migration.convergence import Ladder, climb, ladder
from ferryman.migration.move import LeftRunningError, Move
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
    source = move.ends.source.migrations
    steps = ladder(move.entry.first_downtime_ms, move.entry.max_downtime_ms)
    source.set_max_downtime(request.vm, steps.limit_ms)
    move.advance(Step.TRANSFERRING)
    if move.entry.autostart:
        # Once it has left, a reboot of the source must not bring up a second copy from the old disks.
        move.ends.source.domains.disarm(request.vm)
    call = _in_background(source.migrate, request)
    watch(move, steps, call)
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


def watch(move: Move, steps: Ladder, call: Future[None] | None) -> None:
    """Follow a migration job until the call that runs it ends; without a call (adopted), until the job is gone."""
    while not _over(move, call):
        steps = _look(move, steps)


def _over(move: Move, call: Future[None] | None) -> bool:
    if call is not None:
        return bool(wait_for([call], timeout=_LOOK_EVERY_S).done) or move.stop.is_set()
    if move.stop.wait(_LOOK_EVERY_S):
        return True
    return move.ends.source.migrations.job(move.entry.vm).phase is JobPhase.NONE


def _look(move: Move, steps: Ladder) -> Ladder:
    """Report progress and climb; a look that fails changes nothing: the migration goes on without being watched."""
    vm, source = move.entry.vm, move.ends.source.migrations
    asked_ns = move.clock.monotonic_ns()
    try:
        job = source.job(vm)
        if job.phase in (JobPhase.SETUP, JobPhase.DISKS):
            move.undisturbed_until_ns = asked_ns
        move.disk_bytes = max(move.disk_bytes, job.disk_processed_bytes)
        move.report(_PHASES[job.phase], job)
        climbed = climb(steps, job)
        if climbed.limit_ms != steps.limit_ms:
            source.set_max_downtime(vm, climbed.limit_ms)
    except FleetError:
        return steps
    return climbed
