"""What is known of a move beyond what both ends show: by its journal entry, and by what this run went through. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ferryman.planning.modes import Driver
from ferryman.records.journal.entry import JournalEntry

_LATE_ARRIVAL_NS = 10 * 1_000_000_000
"""What a daemon that is gone had asked of the destination, to let the guest run there, takes a fraction of this."""
_LATE_POWER_OFF_NS = 60 * 1_000_000_000
"""A guest that was asked to power itself off, and has not, is watched for so long: nobody else would start it again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What this run of the daemon went through with a move so far. A restart begins with nothing."""

    witnessed: bool = False
    """It carried the move from its beginning."""
    transfer_failed: bool = False
    """The transfer's own call said that it failed."""
    start_refused: bool = False
    """The destination answered the very first start there, which this run asked for, with a refusal."""
    source_started: bool = False
    """It was started again at the source."""
    waited_ns: int = 0
    """Since both ends were first looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What this run of the daemon knows beyond what it sees. A restart knows nothing."""

    transfer_failed: bool = False
    """The transfer's own call said that it failed."""
    start_refused: bool = False
    """The destination answered the very first start there with a refusal: it never ran there."""
    may_power_off: bool = False
    """The guest was asked to power itself off, and may yet do so."""
    undriven: bool = False
    """A daemon drove the live migration by its own connections, and does so no more: nobody takes it to its end."""
    may_arrive: bool = False
    """UNDRIVEN, and so lately that what it had asked of the destination may not have had its effect yet."""
    mirrored: bool = False
    """Mirrors of its disks may be under way."""
    witnessed: bool = False
    """This run of the daemon carried the move from its beginning: nothing went before that it did not see."""
    untouched: bool = False
    """The attempt has done nothing on any host yet; counts only while it is preparing."""

    @classmethod
    def of(cls, entry: JournalEntry, run: Run = Run()) -> Known:
        """What the journal's entry and this run say together."""
        undriven = entry.driven_by is Driver.DAEMON and entry.request is not None
        return cls(
            transfer_failed=run.transfer_failed,
            start_refused=run.start_refused,
            may_power_off=run.waited_ns < _LATE_POWER_OFF_NS and not (run.source_started or entry.went_off),
            undriven=undriven,
            may_arrive=undriven and run.waited_ns < _LATE_ARRIVAL_NS,
            mirrored=bool(entry.mirrored),
            witnessed=run.witnessed,
            untouched=entry.untouched,
        )


NOTHING_KNOWN = Known()
