"""Whether the disks of a live migration get to their end: a guest may write them faster than they are sent. Pure.

libvirt sends no memory before every copied disk is whole at the destination, for a moment at least. What a guest writes
meanwhile is sent again. So the disks are watched in passes, as memory is: a pass is over once as much was sent as
remained at its beginning.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ferryman.fleet.migrating import Job

_PROGRESS = 0.96
"""A pass in which less than this share remained of what the pass before it came down to has got further."""
_STALLED_PASSES = 2
_PASS_S = 30.0
"""At least: where little remains, that is sent in a moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filling:
    """Where a migration's disks stand."""

    remaining_bytes: int = 0
    """At the beginning of the pass; 0: none has begun."""
    sent_bytes: int = 0
    """By then, and below when that was."""
    since_s: float = 0.0
    least_bytes: int = 0
    """That remained in this pass, and below in the one before: QEMU tells of new writes in bursts."""
    least_before_bytes: int | None = None
    stalled: int = 0
    """Passes in a row that got no further."""

    @property
    def is_stuck(self) -> bool:
        """Whether the guest writes as fast as they are sent."""
        return self.stalled >= _STALLED_PASSES


NOTHING_SENT = Filling()


def filled(at: Filling, job: Job, now_s: float) -> Filling:
    """After one more look, while disks fill.

    Example: 1,000 MiB remain, and the link carries 10 MiB/s, so a pass takes 100 s. After it there remain 800 by a
    guest that writes 8 MiB/s, and 1,000 still by one that writes 10: it has stalled. Two such passes, and it is stuck.
    """
    remaining, sent = job.disk_remaining_bytes, job.disk_processed_bytes
    if remaining == 0:
        return NOTHING_SENT
    if at.remaining_bytes == 0:
        return Filling(remaining_bytes=remaining, sent_bytes=sent, since_s=now_s, least_bytes=remaining)
    at = replace(at, least_bytes=min(at.least_bytes, remaining))
    if sent - at.sent_bytes < at.remaining_bytes or now_s - at.since_s < _PASS_S:
        return at
    further = at.least_before_bytes is None or at.least_bytes < at.least_before_bytes * _PROGRESS
    return Filling(
        remaining_bytes=remaining,
        sent_bytes=sent,
        since_s=now_s,
        least_bytes=remaining,
        least_before_bytes=at.least_bytes,
        stalled=0 if further else at.stalled + 1,
    )
