"""Why a live migration was cancelled by whoever steered it, in words. Pure."""

from __future__ import annotations

from ferryman.migration.errors import MoveFailedError
from ferryman.migration.live.steering import SILENT_S, Course, Turn
from ferryman.records.journal.entry import JournalEntry

_MIB = 1024 * 1024


def why_given_up(entry: JournalEntry, at: Course, left_bytes: int) -> MoveFailedError | None:
    """None: it was not. `left_bytes`: of its memory, or of its disks where none of that was sent yet."""
    if at.turn is Turn.GIVE_UP:
        return MoveFailedError(
            f"the migration of {entry.vm} sent nothing for {SILENT_S:.0f} s and was cancelled",
            "See whether the hosts reach each other on ports 49152-49215; it is tried again.",
        )
    if at.turn is not Turn.ABORT:
        return None
    if at.memory_since_s is None:
        return MoveFailedError(
            f"{entry.vm} writes its disks faster than the link carries: {left_bytes // _MIB} MiB were left, and "
            "sending them twice over made it no less",
            "Move it when it is quieter, or have its writes wait for the link: [live] auto_converge = true (from "
            "libvirt 8.0 on, at both hosts).",
        )
    return MoveFailedError(
        f"{entry.vm} writes faster than the link carries: {left_bytes // _MIB} MiB were left, more than a downtime of "
        f"{entry.max_downtime_ms or at.ladder.most_ms} ms allows",
        "Move it when it is quieter, raise max_downtime_ms, or set [live] on_stall to post-copy or pause.",
    )
