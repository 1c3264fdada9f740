"""What to do with a move, from what both ends say: pure tables, used after every attempt and every restart.

They never trust that a call which raised had no effect, nor that one which returned had the whole of it. A pair of
states that no table names is for a person: nothing is touched.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from ferryman.records.values import Step
from ferryman.specs.models import Method


class End(StrEnum):
    """The VM at one end of its move."""

    UNREACHABLE = "unreachable"
    """Nothing is known. Never the same as absent."""
    ABSENT = "absent"
    """The host answered: no VM with this UUID."""
    RUNNING = "running"
    PAUSED = "paused"
    """At the source: stopped for the switch-over. At the destination: an incoming copy that never ran."""
    SUSPENDED = "suspended"
    """Only at the destination: paused, and not as an incoming copy. It may have run there."""
    PARTIAL = "partial"
    """In post-copy: it has left the source and its memory has not, not all of it. Neither end may be resumed."""
    STOPPING = "stopping"
    """The guest has powered itself off; its QEMU is ending."""
    SHUT_OFF = "shut-off"


class Action(StrEnum):
    """One step towards an end of the move; after each, both ends are looked at again."""

    WAIT_FOR_JOB = "wait-for-job"
    """The hypervisor's own migration is under way: watch it."""
    WAIT_FOR_HOST = "wait-for-host"
    """An end cannot be read: do nothing until it can."""
    WAIT_FOR_POWER = "wait-for-power"
    """The guest is powering itself off, or was asked to and may yet: see what comes of it."""
    ABORT = "abort"
    """Cancel the job, destroy the paused copy at the destination."""
    RESUME_POST_COPY = "resume-post-copy"
    """The connection between both ends broke: make a new one. Until then the guest stands still, and is not lost."""
    RESUME_SOURCE = "resume-source"
    START_SOURCE = "start-source"
    START_DESTINATION = "start-destination"
    UNDEFINE_DESTINATION = "undefine-destination"
    """Take back the definition at a destination where the VM never ran."""
    FINISH = "finish"
    """The VM is at the destination: stop and undefine what is left at the source."""
    SUCCEEDED = "succeeded"
    """Terminal. The VM is at the destination, and only there."""
    UNDO = "undo"
    """Terminal. The VM is at the source; the volumes that this move created go."""
    HOLD = "hold"
    """Terminal. A person must decide; nothing is touched."""


WAITS = frozenset({Action.WAIT_FOR_JOB, Action.WAIT_FOR_HOST, Action.WAIT_FOR_POWER})
"""They touch nothing and may be left at any time."""

PATIENT = WAITS | {Action.RESUME_POST_COPY}
"""They are taken until they have their effect, however often: giving up would lose the VM's memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Both ends at one look."""

    source: End
    destination: End
    job: bool = False
    """A migration job is active at the source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What this run of the daemon knows beyond what it sees. A restart knows nothing."""

    transfer_failed: bool = False
    """The transfer's own call said that it failed."""
    start_refused: bool = False
    """The destination answered that it cannot start the VM."""
    may_power_off: bool = False
    """The guest was asked to power itself off, and may yet do so."""


def next_action(method: Method, step: Step, *, runs: bool, seen: Seen, known: Known = Known()) -> Action:
    """The next step. `runs`: the VM was running when the move began."""
    if seen.job:
        return Action.WAIT_FOR_JOB
    ends = (seen.source, seen.destination)
    if End.UNREACHABLE in ends:
        return Action.WAIT_FOR_HOST
    if End.STOPPING in ends:
        return Action.WAIT_FOR_POWER
    return _table(method, step, runs=runs, known=known).get(ends, Action.HOLD)


Table = Mapping[tuple[End, End], Action]
"""(source, destination) -> action. Any other pair, above all running twice, is for a person."""


def _table(method: Method, step: Step, *, runs: bool, known: Known) -> Table:
    match step:
        case Step.PREPARING:
            return _UNTOUCHED
        case Step.FINISHING:
            return _ARRIVED
        case Step.TRANSFERRING:
            return _cold(runs=runs, known=known) if method is Method.COLD else _live(known)
        case Step.SWITCHING:
            return _live(known)
        case Step.ACTIVATING:
            return _activating(runs=runs, known=known)
        case _:
            assert_never(step)


_UNTOUCHED: Table = {
    # Whatever became of the VM is somebody else's doing: neither resumed nor started.
    (End.RUNNING, End.ABSENT): Action.UNDO,
    (End.PAUSED, End.ABSENT): Action.UNDO,
    (End.SHUT_OFF, End.ABSENT): Action.UNDO,
}

_ARRIVED: Table = {
    # It was seen at the destination: what is there now holds the newest data, and the source is never started again.
    (End.PAUSED, End.RUNNING): Action.FINISH,
    (End.SHUT_OFF, End.RUNNING): Action.FINISH,
    (End.SHUT_OFF, End.SUSPENDED): Action.FINISH,
    (End.SHUT_OFF, End.SHUT_OFF): Action.FINISH,
    (End.PARTIAL, End.RUNNING): Action.FINISH,
    (End.ABSENT, End.RUNNING): Action.SUCCEEDED,
    (End.ABSENT, End.SUSPENDED): Action.SUCCEEDED,
    (End.ABSENT, End.SHUT_OFF): Action.SUCCEEDED,
}


def _live(known: Known) -> Table:
    return {
        (End.RUNNING, End.ABSENT): Action.UNDO,
        (End.RUNNING, End.PAUSED): Action.ABORT,
        (End.PAUSED, End.ABSENT): Action.RESUME_SOURCE,
        (End.PAUSED, End.RUNNING): Action.FINISH,
        # First the copy, and only when that is seen to be gone, the source.
        (End.PAUSED, End.PAUSED): Action.ABORT,
        (End.SHUT_OFF, End.RUNNING): Action.FINISH,
        # The migration failed because the guest, or its QEMU, ended: it is off, where it was. Without that knowledge
        # it may have left and been lost at the destination, whose disks then hold the newest data.
        (End.SHUT_OFF, End.ABSENT): Action.UNDO if known.transfer_failed else Action.HOLD,
        (End.ABSENT, End.RUNNING): Action.SUCCEEDED,
        # It arrived and was shut off since.
        (End.ABSENT, End.SHUT_OFF): Action.SUCCEEDED,
        # Any other pair with a part: the rest of the memory is lost, and a person decides on a boot from disk.
        (End.PARTIAL, End.PARTIAL): Action.RESUME_POST_COPY,
        (End.PARTIAL, End.RUNNING): Action.FINISH,
    }


def _cold(*, runs: bool, known: Known) -> Table:
    """Until the definition is given to the destination, the source is the truth."""
    return {
        (End.RUNNING, End.ABSENT): Action.WAIT_FOR_POWER if runs and known.may_power_off else Action.UNDO,
        (End.PAUSED, End.ABSENT): Action.UNDO,
        (End.SHUT_OFF, End.ABSENT): Action.START_SOURCE if runs else Action.UNDO,
    }


def _activating(*, runs: bool, known: Known) -> Table:
    """The disks are copied and the source is disarmed; the definition may be at the destination or not yet."""
    start = Action.START_DESTINATION
    return {
        (End.RUNNING, End.ABSENT): Action.UNDO,
        (End.PAUSED, End.ABSENT): Action.UNDO,
        (End.SHUT_OFF, End.ABSENT): Action.START_SOURCE if runs else Action.UNDO,
        (End.SHUT_OFF, End.SHUT_OFF): (
            Action.FINISH if not runs else Action.UNDEFINE_DESTINATION if known.start_refused else start
        ),
        (End.SHUT_OFF, End.RUNNING): Action.FINISH,
        # The source's definition was removed by somebody: nothing is left to go back to.
        (End.ABSENT, End.SHUT_OFF): start if runs else Action.SUCCEEDED,
        (End.ABSENT, End.RUNNING): Action.SUCCEEDED,
    }
