"""One audit record for people: what was decided, whose time the downtime was, and what happened when."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate, pairwise

from ferryman.cli.words import downtime
from ferryman.downtime.attribution import Attribution
from ferryman.records.audit.record import MigrationRecord
from ferryman.records.audit.timeline import Mark, TimelineEntry

_MARKS = {
    Mark.STEERED: "steered",
    Mark.LAST_ANSWERED: "probe: the last one answered before",
    Mark.FIRST_LOST: "probe: the first one lost",
    Mark.LAST_LOST: "probe: the last one lost",
    Mark.ANSWERED: "probe: answered again",
    Mark.ANNOUNCED: "announced again",
    Mark.ANNOUNCING_FAILED: "could not be announced",
    Mark.INCOMING: "memory begins to arrive",
    Mark.STARTED: "the guest was started",
    Mark.SUSPENDED: "the guest stands still",
    Mark.RESUMED: "the guest runs",
    Mark.SHUT_DOWN: "the guest has shut down",
    Mark.STOPPED: "its QEMU has ended",
    Mark.CRASHED: "the guest crashed",
}


def told(record: MigrationRecord) -> Iterator[str]:
    """The lines of it."""
    yield f"{record.id}: {record.vm} {record.source} -> {record.destination} ({record.method}), {record.outcome}"
    yield f"  why       {record.why}"
    if record.reason:
        yield f"  reason    {record.reason}"
        yield f"  remedy    {record.remedy}"
    if record.driven_because:
        yield f"  driven by the {record.driven_by}: {record.driven_because}"
    yield f"  downtime  {downtime(record.measurement)}"
    if record.attribution is not None:
        yield f"            {split(record.attribution)}"
    if record.announcements:
        yield f"  announced {record.announcements} times, as it did not answer at {record.destination}"
    for warning in record.warnings:
        yield f"  warning   {warning}"
    if record.timeline:
        yield ""
        yield "  ms since the attempt began"
    for entry in record.timeline:
        yield f"  {entry.at_ms:12,.1f}  {_moment(entry)}"


def split(parts: Attribution) -> str:
    """The parts of a downtime, rounded so that what is shown adds up to the downtime rounded alike.

    Example: 37.44, 12.33 and 10.33 ms are shown as 37.4, 12.4 and 10.3: 60.1 together, as 60.10 is.
    """
    exact = (parts.guest_ms, parts.network_ms, parts.service_ms, parts.unknown_ms)
    ends = [0.0, *(round(end, 1) for end in accumulate(exact))]
    shown = [f"{after - before:.1f}" for before, after in pairwise(ends)]
    unknown = f" + unknown {shown[3]} ({parts.unknown_because})" if parts.unknown_ms else ""
    return f"= guest paused {shown[0]} + network {shown[1]} + service {shown[2]}{unknown} ms"


def _moment(entry: TimelineEntry) -> str:
    if entry.mark is Mark.PHASE:
        return f"-- {entry.detail}"
    at = f"{entry.host}: " if entry.host else ""
    detail = f" ({entry.detail})" if entry.detail else ""
    return f"{at}{_MARKS[entry.mark]}{detail}"
