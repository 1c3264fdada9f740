"""Live: memory, and disks where they are not shared, move while the guest runs (or stands still: `paused`)."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future

from ferryman.fleet.deadlines import begin
from ferryman.fleet.errors import FailureKind, FleetError, HostUnreachableError, OperationFailedError
from ferryman.fleet.migrating import JobPhase, LiveMigration
from ferryman.fleet.values import Power
from ferryman.migration.errors import LeftRunningError
from ferryman.migration.live.watch import BLIND_S, Watch, tell_destination
from ferryman.migration.move import Move

_LOOKS_AT_ORPHANS = 5


def transfer(move: Move, request: LiveMigration) -> None:
    """Run the hypervisor's migration to its end, steering it meanwhile.

    Raises FleetError; what the failure left at either end is for `settling` to see. Raises LeftRunningError when the
    daemon is stopping and the migration is peer-to-peer: it goes on, and is adopted at the next start.
    """
    migrations = move.ends.source.migrations
    migrations.set_max_downtime(request.vm, Watch(move).limit_ms)
    move.intent.asks(request)
    if move.entry.autostart:
        # Once it has left, a reboot of the source must not bring up a second copy from the old disks.
        move.ends.source.definitions.disarm(request.vm)
    try:
        _migrate(move, request)
    except OperationFailedError as error:
        if error.kind is not FailureKind.PEER_UNREACHED or move.through is not None or not _is_untouched(move):
            raise
        move.intent.drives_itself(f"the libvirtd of {move.entry.source} does not reach its peer: {error.reason}")
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
    tell_destination(move)
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
            f"libvirtd on {move.entry.source} has said nothing of migrating {move.entry.vm} for {BLIND_S:.0f} s",
            f"Look at it there: systemctl status libvirtd (on {move.entry.source})",
        )
    if not call.done():
        raise LeftRunningError(f"{move.entry.vm}'s migration goes on without the daemon", "Start ferryman again.")
    try:
        call.result()
    except FleetError as error:
        raise watching.given_up() or error from error


def _may_leave(move: Move) -> bool:
    """Whether the daemon is stopping and the migration goes on without it."""
    return move.stop.is_set() and move.through is None
