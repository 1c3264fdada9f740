"""A guest that powers itself off only after the move that asked it to was given up: it is started again. Pure.

ferryman asked for it, nobody else wanted it off, and nobody else would start it. Yet what a person switched off must
stay off, and by its power state alone a guest does not tell whom it obeyed. So a guest is started again only
- where it ran still when its move was given up, and was not seen to be off since: the first time only;
- for some hours after the request (`OBEYS_FOR`);
- where it was last seen, on that host alone, and where the host says that it ended there by itself, not by a restart of
  the host or of libvirtd;
- while its spec does not say `suspend`.
What remains: a person who switches it off within these hours, when it had not obeyed, finds it started once, and is
told why; switched off again, it stays off.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from enum import StrEnum

from ferryman.fleet.values import Off, Power, Snapshot
from ferryman.records.journal.asked import OBEYS_FOR
from ferryman.records.journal.entry import JournalEntry, Step


class Answer(StrEnum):
    """What became of the request to power off."""

    NONE_YET = "none yet"
    """It runs, or its host does not answer."""
    OBEYED = "obeyed"
    """It powered itself off: it is to be started again."""
    OVER = "over"
    """Whatever powers it off now was not that request."""


def answer(entry: JournalEntry, snapshot: Snapshot, now: datetime) -> Answer:
    """What one look at the fleet says of a guest that was asked."""
    if entry.asked_at is None or abs(now - entry.asked_at) > OBEYS_FOR:
        return Answer.OVER
    holders = snapshot.holders(entry.vm)
    if snapshot.reading(entry.source) is None:
        return Answer.OVER if holders else Answer.NONE_YET
    domain = holders.get(entry.source)
    if domain is None or domain.uuid != entry.uuid or len(holders) > 1:
        return Answer.OVER
    if domain.power is not Power.SHUT_OFF:
        return Answer.NONE_YET
    return Answer.OBEYED if domain.off is Off.SHUT_DOWN else Answer.OVER


def owing(entries: Collection[JournalEntry], now: datetime) -> frozenset[str]:
    """The VMs that may yet power themselves off because a move asked them to."""
    return frozenset(
        entry.vm for entry in entries if entry.asked_at is not None and abs(now - entry.asked_at) <= OBEYS_FOR
    )


def starting_again(entry: JournalEntry, record_id: str, now: datetime) -> JournalEntry:
    """An attempt that does nothing but bring the guest back where it was: what its move had made is gone already."""
    return replace(
        entry,
        id=record_id,
        obeyed=entry.id,
        step=Step.TRANSFERRING,
        started_at=now,
        went_off=True,
        autostart=False,
        destination_machine="",
        created=(),
        mirrored=(),
        machine_files=(),
        ejected=(),
        resolves="",
        watched=None,
    )
