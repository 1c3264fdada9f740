"""How an open or held move stands: its journal step, both ends as they are now, and what the recovery table says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ferryman.migration.host_pair import HostPair
from ferryman.migration.settling.actions import Action
from ferryman.migration.settling.endings import way_of
from ferryman.migration.settling.ends import Seen
from ferryman.migration.settling.holds import Advice, advice
from ferryman.migration.settling.knowing import Known
from ferryman.migration.settling.looking import look, look_around
from ferryman.migration.settling.recovery import Ruling, rule
from ferryman.migration.working import THREADS
from ferryman.records.journal.entry import JournalEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """One look at a move that nobody is at work on."""

    entry: JournalEntry
    seen: Seen
    ruling: Ruling

    @property
    def acts(self) -> bool:
        """Whether taking it up would do anything but wait for a host or a person."""
        return self.ruling.action is not Action.HOLD and self.ruling.action is not Action.WAIT_FOR_HOST


def examine(entry: JournalEntry, ends: HostPair) -> Situation:
    """Look at both ends once; touches nothing."""
    seen = look(ends, entry)
    ruling = _ruling(entry, seen)
    if ruling.asks_others:
        seen = look_around(seen, ends, entry.uuid, THREADS)
        ruling = _ruling(entry, seen)
    return Situation(entry=entry, seen=seen, ruling=ruling)


def _ruling(entry: JournalEntry, seen: Seen) -> Ruling:
    """As a move that is taken up begins."""
    return rule(entry.method, entry.step, runs=entry.running, seen=seen, known=Known.of(entry))


def in_words(situation: Situation) -> Advice:
    """What the cell says, and what a person does."""
    entry, hold = situation.entry, situation.ruling.hold
    if hold is not None:
        return advice(hold, way_of(entry, situation.seen))
    if situation.ruling.action is Action.WAIT_FOR_HOST:
        way_back = "Correct `uri` in its spec" if situation.seen.swapped else "Bring the host back"
        return Advice(
            reason=meaning(situation),
            remedy=f"{way_back}; ferryman then goes on by itself. If it never comes back, see where the newest disks "
            f"are; then: ferryman recover {entry.vm} --forget",
        )
    return Advice(reason=meaning(situation), remedy=f"To have it done: ferryman recover {entry.vm} --accept")


def meaning(situation: Situation) -> str:
    """The ruling's action in a sentence."""
    swapped = " and ".join(situation.seen.swapped)
    if swapped:
        return f"{swapped} is another machine now than the one that the move began with: what that one has is not known"
    entry, unread = situation.entry, ", ".join(situation.seen.unread)
    if situation.ruling.action is Action.WAIT_FOR_HOST and unread:
        return f"{unread} cannot be read, and may run it: nothing lets it run elsewhere until that is known"
    return _MEANINGS[situation.ruling.action].format(
        vm=entry.vm,
        source=entry.source,
        destination=entry.destination,
        created=", ".join(f"{volume.pool}/{volume.name}" for volume in entry.created) or "none",
    )


_MEANINGS: Mapping[Action, str] = {
    Action.WAIT_FOR_JOB: "the hypervisor migrates it now: watch that to its end, then look at both ends again",
    Action.WAIT_FOR_HOST: "a host cannot be read, so the VM may still be there: touch nothing until it can",
    Action.WAIT_FOR_ARRIVAL: "a daemon that is gone may have told {destination} to let it run: wait, and look again",
    Action.CANCEL_JOB: "the daemon that drove its migration is gone: cancel what is left of the job at {source}",
    Action.WAIT_FOR_POWER: "the guest powers itself off, or was asked to and may yet: see what comes of it",
    Action.END_MIRRORS: "its writes wait for {destination}, which is silent: end the mirrors of its disks at {source}",
    Action.ABORT: "it never ran on {destination}: cancel the job, remove the paused copy there",
    Action.RESUME_POST_COPY: "its memory is on both hosts: connect {source} and {destination} anew",
    Action.RESUME_SOURCE: "it is nowhere else: let it run on at {source}",
    Action.START_SOURCE: "it is off and nowhere else: start it again at {source}",
    Action.START_DESTINATION: "its disks are copied and {source} is disarmed: start it at {destination}",
    Action.UNDEFINE_DESTINATION: "it never ran on {destination}: take its definition there back",
    Action.FINISH: "it is at {destination}: stop and undefine what is left at {source}",
    Action.SUCCEEDED: "it is at {destination} and only there: the move is over",
    Action.UNDO: "it is at {source} and only there: remove what was created at {destination}: {created}",
    Action.HOLD: "a person must decide",
}
