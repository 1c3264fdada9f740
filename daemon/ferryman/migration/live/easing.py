"""Slower in the last moment, so that little is queued when the guest is stopped. Pure.

What the source has sent and the destination has not yet taken waits in the sockets between them: some 10 MB, with
Linux's buffers. A guest that is stopped as soon as its last page was *sent* stands still until all of that is taken:
60-95 of 120 ms, where the destination is the slower one. QEMU obeys a cap only while the guest runs.

Post-copy is switched to when a person's rules say so and not at a pass's end, so there is time to let all of it drain
before: over 60 Mbit/s a guest stood still for 550 ms, of which its device state took 50. A connection that breaks in
that time is worse than one that breaks later: the destination does not run yet, and QEMU 7.2 gives it up.
"""

from __future__ import annotations

from ferryman.fleet.migrating import Job, JobPhase

_STEPS = ((0.06, 0.3), (0.16, 0.5))
"""Less than so many seconds before the end: this share of its speed. Half lets the destination take what is queued;
QEMU counts a cap by tenths of a second, so up to a tenth of it is queued again, and a lower one leaves less of that.
"""
_MIB = 1024 * 1024
_QUEUED_BYTES = 5 * _MIB
"""What a socket takes on Linux (tcp_wmem, 4 MiB), and its interface."""
_WORTH_DRAINING_S, _MOST_DRAINING_S = 0.1, 2.0
DRAINING_MIB_S = 1
"""The least that libvirt takes for a cap."""
LOOK_EVERY_S = 0.2
_LOOK_SOON_S = 0.03


def is_last_moment(job: Job) -> bool:
    """Whether to go slower from now on."""
    return job.phase is JobPhase.MEMORY and job.memory_bytes_s > 0 and _left_s(job) <= _STEPS[-1][0]


def eased_mib_s(job: Job, full_bytes_s: int) -> int:
    """The cap where a job stands that went at this speed. Example: 20 MiB left at 160 MiB/s: 80; 8 MiB left: 48."""
    left_s = job.memory_remaining_bytes / full_bytes_s
    share = next((share for below_s, share in _STEPS if left_s <= below_s), _STEPS[-1][1])
    return max(1, int(full_bytes_s * share) // _MIB)


def draining_s(job: Job) -> float:
    """How long to go slowly before a switch to post-copy; 0: not worth it. Example: 7 MiB/s: 0.7 s; 100 MiB/s: 0."""
    if job.memory_bytes_s <= 0:
        return 0.0
    queued_s = _QUEUED_BYTES / job.memory_bytes_s
    return min(queued_s, _MOST_DRAINING_S) if queued_s >= _WORTH_DRAINING_S else 0.0


def look_soon_s(job: Job, full_bytes_s: int | None) -> float:
    """When to look again, so that the last moment is not missed. `full_bytes_s`: its speed before it was eased.

    Half of the time that is left until then: the speed of the first moments is too high, what is queued counts as sent.
    Example: 48 MiB left at 160 MiB/s, 300 ms: in 70 ms. After the last step not so soon: a look takes both hosts'
    processors from the guest that is about to stop here and to go on there.
    """
    if job.phase is not JobPhase.MEMORY or _at_last_step(job, full_bytes_s):
        return LOOK_EVERY_S
    if job.memory_bytes_s <= 0:
        return _LOOK_SOON_S
    return min(LOOK_EVERY_S, max(_LOOK_SOON_S, (_left_s(job) - _STEPS[-1][0]) / 2))


def _at_last_step(job: Job, full_bytes_s: int | None) -> bool:
    return full_bytes_s is not None and job.memory_remaining_bytes / full_bytes_s <= _STEPS[0][0]


def _left_s(job: Job) -> float:
    return job.memory_remaining_bytes / job.memory_bytes_s
