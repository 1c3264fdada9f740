"""What to do with a move, from what both ends say: one pure table, used after every attempt and every restart.

It never trusts that a call which raised had no effect, nor that one which returned had the whole of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

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
    SHUT_OFF = "shut-off"


class Action(StrEnum):
    """One step towards an end of the move; after each, both ends are looked at again."""

    WAIT_FOR_JOB = "wait-for-job"
    """The hypervisor's own migration is under way: watch it."""
    WAIT_FOR_HOST = "wait-for-host"
    """An end cannot be read: do nothing until it can."""
    ABORT = "abort"
    """Cancel the job, destroy the paused copy at the destination."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Both ends at one look."""

    source: End
    destination: End
    job: bool
    """A migration job is active at the source."""


def next_action(method: Method, step: Step, *, runs: bool, seen: Seen) -> Action:
    """The next step. `runs`: the VM was running when the move began."""
    if End.UNREACHABLE in (seen.source, seen.destination):
        return Action.WAIT_FOR_JOB if seen.job else Action.WAIT_FOR_HOST
    if seen.job:
        return Action.WAIT_FOR_JOB
    ends = (seen.source, seen.destination)
    return _after_cold(ends, step, runs=runs) if method is Method.COLD else _LIVE.get(ends, Action.HOLD)


_LIVE = {
    (End.RUNNING, End.ABSENT): Action.UNDO,
    (End.RUNNING, End.PAUSED): Action.ABORT,
    (End.PAUSED, End.ABSENT): Action.RESUME_SOURCE,
    (End.PAUSED, End.RUNNING): Action.FINISH,
    # First the copy, and only when that is seen to be gone, the source.
    (End.PAUSED, End.PAUSED): Action.ABORT,
    (End.SHUT_OFF, End.RUNNING): Action.FINISH,
    # The guest, or its QEMU, ended while it was being moved: it is off, where it was.
    (End.SHUT_OFF, End.ABSENT): Action.UNDO,
    (End.ABSENT, End.RUNNING): Action.SUCCEEDED,
    # It arrived and was shut off since.
    (End.ABSENT, End.SHUT_OFF): Action.SUCCEEDED,
}
"""(source, destination) -> action, without a job. Any other pair, above all running twice, is for a person."""


def _after_cold(ends: tuple[End, End], step: Step, *, runs: bool) -> Action:
    match ends:
        case (End.RUNNING, End.ABSENT):
            return Action.UNDO
        case (End.SHUT_OFF, End.ABSENT):
            return Action.START_SOURCE if runs else Action.UNDO
        case (End.SHUT_OFF, End.SHUT_OFF) if step in (Step.ACTIVATING, Step.FINISHING):
            return Action.START_DESTINATION if runs and step is Step.ACTIVATING else Action.FINISH
        case (End.SHUT_OFF, End.RUNNING) if step in (Step.ACTIVATING, Step.FINISHING):
            return Action.FINISH
        case (End.ABSENT, End.RUNNING | End.SHUT_OFF):
            return Action.SUCCEEDED
        case _:
            return Action.HOLD
