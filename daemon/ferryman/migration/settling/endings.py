"""How a move ended, and the words for it. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ferryman.fleet.errors import FleetError
from ferryman.migration.errors import MoveFailedError
from ferryman.migration.move import Move
from ferryman.migration.settling.ends import End, Seen
from ferryman.migration.settling.holds import Advice, Way, advice
from ferryman.migration.settling.recovery import Ruling
from ferryman.migration.settling.trying import MOST_TRIES
from ferryman.records.audit.record import Outcome, VolumeAt
from ferryman.records.journal.entry import JournalEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a move ended, and why. `outcome` None: it did not, and the journal keeps it open to be taken up again."""

    outcome: Outcome | None
    reason: str = ""
    remedy: str = ""
    left: tuple[VolumeAt, ...] = ()
    """Volumes of a move that was undone which could not be removed."""


LEFT_OPEN = Ending(outcome=None, reason="the daemon stopped, or a host is silent; the move is taken up again")
ARRIVED = Ending(outcome=Outcome.SUCCEEDED)


_STATES = {
    End.RUNNING: "runs at the source",
    End.PAUSED: "is paused at the source",
    End.SHUT_OFF: "is shut off at the source",
    End.PARTIAL: "is one half of a migration of somebody else's",
    End.ABSENT: "is not at the source any more",
}


def obeyed_late(entry: JournalEntry) -> MoveFailedError:
    """Why a guest is started again that no move is at work on."""
    return MoveFailedError(
        f"{entry.vm} powered itself off after its move ({entry.obeyed}) had been given up, which had asked it to",
        "It is moved when its turn comes again. If it needs so long to shut down, raise [cold] shutdown_timeout_s in "
        "its spec. If a person switched it off, and it is to stay off: switch it off again.",
    )


def undone(seen: Seen, trouble: FleetError | None) -> Ending:
    """The source is as it was."""
    reason = trouble.reason if trouble else "the move was interrupted"
    remedy = trouble.remedy if trouble else "Nothing to do: it is tried again."
    return Ending(outcome=Outcome.FAILED, reason=f"{reason} (it {_STATES[seen.source]})", remedy=remedy)


def undone_in_part(move: Move, seen: Seen, trouble: FleetError | None) -> Ending:
    """The VM is safe; what could not be taken back is named, and is told to the next attempt and to `ferryman gc`."""
    entry, left = move.entry, move.not_removed
    named = ", ".join(f"{volume.pool}/{volume.name}" for volume in left) or "nothing"
    ending = undone(seen, trouble)
    remedies = [ending.remedy]
    if left:
        remedies.append(f"The next attempt to move it there replaces it; or: ferryman gc --vm {entry.vm} --delete")
    if entry.autostart:
        remedies.append(f"See that it starts with its host, on {entry.source}: virsh autostart {entry.vm}")
    return Ending(
        outcome=Outcome.FAILED,
        reason=f"{ending.reason}; left on {entry.destination}: {named}",
        remedy=" ".join(remedies),
        left=left,
    )


def held(entry: JournalEntry, seen: Seen, ruling: Ruling, trouble: FleetError | None) -> Ending:
    """A person must decide."""
    said = f"{trouble.reason}; " if trouble else ""
    why = _why_held(entry, seen, ruling, trouble)
    return Ending(
        outcome=Outcome.HELD,
        reason=f"{said}{entry.vm} is {seen.source} on {entry.source} and {seen.destination} on {entry.destination}: "
        f"{why.reason}",
        remedy=why.remedy,
    )


def way_of(entry: JournalEntry, seen: Seen) -> Way:
    """Which move it is, and where else its VM was seen."""
    elsewhere = ", ".join(seen.elsewhere) or "another host"
    return Way(vm=entry.vm, source=entry.source, destination=entry.destination, elsewhere=elsewhere)


def _why_held(entry: JournalEntry, seen: Seen, ruling: Ruling, trouble: FleetError | None) -> Advice:
    if ruling.hold is not None:
        return advice(ruling.hold, way_of(entry, seen))
    return Advice(
        reason=f"the next step, {ruling.action}, failed {MOST_TRIES} times",
        remedy=f"{trouble.remedy if trouble else 'See the log of libvirtd on both hosts.'} "
        f"Then: ferryman recover {entry.vm} --accept",
    )
