"""The steps by which a move comes to its end. Pure."""

from __future__ import annotations

from enum import StrEnum


class Action(StrEnum):
    """One step towards an end of the move; after each, both ends are looked at again."""

    WAIT_FOR_JOB = "wait-for-job"
    """The hypervisor's own migration is under way: watch it."""
    WAIT_FOR_HOST = "wait-for-host"
    """An end cannot be read: do nothing until it can."""
    WAIT_FOR_ARRIVAL = "wait-for-arrival"
    """Whoever drove the migration is gone, and its last word to the destination may yet have its effect: see."""
    CANCEL_JOB = "cancel-job"
    """Whoever drove the migration is gone, and nobody could end it: cancel it, and see what comes of it."""
    WAIT_FOR_POWER = "wait-for-power"
    """The guest is powering itself off, or was asked to and may yet: see what comes of it."""
    END_MIRRORS = "end-mirrors"
    """The destination is silent, and the guest's writes wait for it: end the mirrors of its disks."""
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


WAITS = frozenset({Action.WAIT_FOR_JOB, Action.WAIT_FOR_HOST, Action.WAIT_FOR_POWER, Action.WAIT_FOR_ARRIVAL})
"""They touch nothing and may be left at any time."""

LETS_RUN = frozenset({Action.RESUME_SOURCE, Action.START_SOURCE, Action.START_DESTINATION})
"""They make a copy run: only where no other host of the fleet has one."""

PATIENT = WAITS | {Action.RESUME_POST_COPY, Action.CANCEL_JOB}
"""They are taken until they have their effect, however often: giving up would lose the VM's memory."""
