"""What to do with a move, from what both ends say: pure, used after every attempt and every restart.

Never trusts that a call which raised had no effect, nor that one which returned had the whole of it. `tables.py` has
the cells of all pairs of states; what both ends alone do not decide is decided here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from ferryman.fleet.values import Off
from ferryman.migration.settling.actions import LETS_RUN, Action
from ferryman.migration.settling.ends import End, Seen
from ferryman.migration.settling.holds import Hold
from ferryman.migration.settling.knowing import NOTHING_KNOWN, Known
from ferryman.migration.settling.tables import Doubt, cell
from ferryman.records.journal.entry import Step
from ferryman.specs.choices import Method


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What one cell says."""

    action: Action
    hold: Hold | None = None
    """Why a person must decide; only with `Action.HOLD`."""

    @property
    def asks_others(self) -> bool:
        """Whether all other hosts must be asked before this is final."""
        return self.action in LETS_RUN or self.hold is Hold.CARRIED_OFF


def rule(method: Method, step: Step, *, runs: bool, seen: Seen, known: Known = NOTHING_KNOWN) -> Ruling:
    """The next step. `runs`: the VM was running when the move began."""
    if seen.job:
        cancels = known.undriven and not _may_have_switched(step, seen)
        return Ruling(action=Action.CANCEL_JOB if cancels else Action.WAIT_FOR_JOB)
    if known.mirrored and seen.destination is End.UNREACHABLE and _waits_for_mirrors(method, step, seen):
        return Ruling(action=Action.END_MIRRORS)
    if End.UNREACHABLE in (seen.source, seen.destination):
        return Ruling(action=Action.WAIT_FOR_HOST)
    if End.STOPPING in (seen.source, seen.destination):
        return Ruling(action=Action.WAIT_FOR_POWER)
    return _unless_elsewhere(_cell(method, step, runs=runs, seen=seen, known=known), step, seen, known)


def _unless_elsewhere(ruling: Ruling, step: Step, seen: Seen, known: Known) -> Ruling:
    """A copy is let run only where no other host of the fleet has one, nor another daemon its hands on it.

    Hosts that do not answer count where the VM may have gone to them unseen: it was not this run of the daemon that
    carried the move so far, and nobody remembers that the guest ended where its newest run was.
    """
    if ruling.action not in LETS_RUN:
        return ruling
    if seen.elsewhere:
        return Ruling(action=Action.HOLD, hold=Hold.RUNS_ELSEWHERE)
    if Off.LEFT in (seen.source_off, seen.destination_off):
        return Ruling(action=Action.HOLD, hold=Hold.CARRIED_OFF)
    newest = seen.destination_off if step is Step.STARTING else seen.source_off
    unseen = seen.unread and not known.witnessed and newest not in (Off.SHUT_DOWN, Off.ENDED)
    return Ruling(action=Action.WAIT_FOR_HOST) if seen.claimed_by or unseen else ruling


def _cell(method: Method, step: Step, *, runs: bool, seen: Seen, known: Known) -> Ruling:
    found = cell(method, step, seen.source, seen.destination)
    match found:
        case Hold():
            return Ruling(action=Action.HOLD, hold=found)
        case Action():
            return Ruling(action=found)
        case Doubt():
            return _resolved(found, runs=runs, seen=seen, known=known)
        case _:
            assert_never(cell)


def _waits_for_mirrors(method: Method, step: Step, seen: Seen) -> bool:
    """Whether its guest runs, and is told of no write before it has arrived where nobody answers."""
    return method is Method.COLD and step in (Step.PREPARING, Step.TRANSFERRING) and seen.source is End.RUNNING


def _may_have_switched(step: Step, seen: Seen) -> bool:
    """Once it runs at the destination its memory follows it by itself.

    Seen: the copy there dies just as QEMU is told to switch, and the source stands still for ever ("postcopy failed to
    start"); cancelled, it goes on with all of its memory.
    """
    if step is Step.SWITCHING:
        return seen.source not in (End.RUNNING, End.PAUSED) or seen.destination is not End.ABSENT
    return step is not Step.TRANSFERRING


def _resolved(doubt: Doubt, *, runs: bool, seen: Seen, known: Known) -> Ruling:
    match doubt:
        case Doubt.GOING_DOWN | Doubt.NOT_RUN:
            return Ruling(action=_not_yet(doubt, runs=runs, known=known))
        case Doubt.OFF_HERE | Doubt.OFF_OR_LEFT | Doubt.OFF_AT_BOTH:
            return _of_one_that_is_off(doubt, runs=runs, seen=seen, known=known)
        case Doubt.READY_THERE if runs and known.start_refused:
            return Ruling(action=Action.UNDEFINE_DESTINATION)
        case Doubt.READY_THERE:
            return Ruling(action=Action.START_DESTINATION if runs else Action.FINISH)
        case Doubt.ONLY_THERE:
            return Ruling(action=Action.START_DESTINATION if runs else Action.SUCCEEDED)
        case Doubt.NOT_HERE | Doubt.UNASKED:
            return _of_another(doubt, known)
        case _:
            assert_never(doubt)


def _of_one_that_is_off(doubt: Doubt, *, runs: bool, seen: Seen, known: Known) -> Ruling:
    if doubt is Doubt.OFF_HERE:
        return Ruling(action=Action.START_SOURCE if runs else Action.UNDO)
    if doubt is Doubt.OFF_AT_BOTH:
        # Seen: a guest that powers itself off as soon as it runs at the destination, before libvirt is through.
        if seen.source_off is Off.LEFT and seen.destination_off in (Off.SHUT_DOWN, Off.ENDED):
            return Ruling(action=Action.FINISH)
        return Ruling(action=Action.HOLD, hold=Hold.TWO_DEFINITIONS)
    # The migration failed because the guest, or its QEMU, ended: it is off, where it was. Without that knowledge it may
    # have left and been lost at the destination, whose disks then hold the newest data.
    if known.transfer_failed:
        return Ruling(action=Action.UNDO)
    return Ruling(action=Action.HOLD, hold=Hold.MAY_HAVE_LEFT)


def _not_yet(doubt: Doubt, *, runs: bool, known: Known) -> Action:
    """Something that was asked for may yet have its effect."""
    if doubt is Doubt.NOT_RUN:
        # Destroyed there while it is let run, the guest would lose what it wrote meanwhile.
        return Action.WAIT_FOR_ARRIVAL if known.may_arrive else Action.ABORT
    return Action.WAIT_FOR_POWER if runs and known.may_power_off else Action.UNDO


def _of_another(doubt: Doubt, known: Known) -> Ruling:
    """Somebody else's doing. An attempt that did nothing ends without a trace; what is so is decided about afresh."""
    if known.untouched:
        return Ruling(action=Action.UNDO)
    return Ruling(action=Action.HOLD, hold=Hold.NOWHERE if doubt is Doubt.NOT_HERE else Hold.UNASKED)
