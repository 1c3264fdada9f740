"""A guest that runs at the destination and does not answer is announced again until it does."""

from __future__ import annotations

from collections.abc import Callable

from ferryman.fleet.errors import FleetError
from ferryman.migration.announcing import gap_s
from ferryman.migration.move import Move
from ferryman.records.audit.timeline import Mark


def announce_until_answered(move: Move, hears_nothing_for: Callable[[float], bool]) -> None:
    """Wait for an answer, announcing meanwhile, until the tries are used up or the daemon is stopping.

    `hears_nothing_for` waits so many seconds for an answer, and says whether none came.
    """
    tries = 0
    while (wait_s := gap_s(tries)) is not None and hears_nothing_for(wait_s) and not move.stop.is_set():
        if not _announce(move):
            return
        tries += 1


def _announce(move: Move) -> bool:
    vm, host = move.entry.vm, move.entry.destination
    # It may be answered before the host says that it was done.
    asked_ns = move.clock.monotonic_ns()
    try:
        move.ends.destination.domains.announce(vm)
    except FleetError as error:
        move.logbook.note(Mark.ANNOUNCING_FAILED, host, error.reason)
        move.warnings.append(f"it did not answer and could not be announced again: {error.reason} {error.remedy}")
        return False
    move.logbook.note(Mark.ANNOUNCED, host, at_ns=asked_ns)
    return True
