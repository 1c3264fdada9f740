"""What to do with a move, from what both ends say: pure, total tables, used after every attempt and every restart.

They never trust that a call which raised had no effect, nor that one which returned had the whole of it. Every pair of
states has its cell; where no step is safe, that cell says why a person must decide (`holds.py`: and how).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum, auto
from typing import assert_never

from ferryman.fleet.values import Off
from ferryman.migration.settling.actions import LETS_RUN, Action
from ferryman.migration.settling.ends import End, Seen
from ferryman.migration.settling.holds import Hold
from ferryman.migration.settling.knowing import NOTHING_KNOWN, Known
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
    cell = _table(method, step)[seen.source][_COLUMNS.index(seen.destination)]
    match cell:
        case Hold():
            return Ruling(action=Action.HOLD, hold=cell)
        case Action():
            return Ruling(action=cell)
        case _Doubt():
            return _resolved(cell, runs=runs, seen=seen, known=known)
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


class _Doubt(StrEnum):
    """A cell in which both ends alone do not decide."""

    GOING_DOWN = auto()
    """It runs at the source of a cold move, and may have been asked to power itself off."""
    NOT_RUN = auto()
    """It stands still at both ends of a live move, and has not run at the destination yet."""
    OFF_HERE = auto()
    """It is off at the source of a cold move, and nowhere else."""
    OFF_OR_LEFT = auto()
    """It is off at the source of a live move, and nowhere else: there, or after it had left?"""
    OFF_AT_BOTH = auto()
    """It is off at both ends of a live move, and defined at both: which disks are newest?"""
    READY_THERE = auto()
    """It is off at both ends, with its newest disks at the destination."""
    ONLY_THERE = auto()
    """It is off at the destination and nowhere else."""
    NOT_HERE = auto()
    """It is at neither end of a move that was being prepared: somebody moved it, or it is gone."""
    UNASKED = auto()
    """Somebody else did something with a VM whose move was being prepared."""


def _resolved(doubt: _Doubt, *, runs: bool, seen: Seen, known: Known) -> Ruling:
    match doubt:
        case _Doubt.GOING_DOWN | _Doubt.NOT_RUN:
            return Ruling(action=_not_yet(doubt, runs=runs, known=known))
        case _Doubt.OFF_HERE | _Doubt.OFF_OR_LEFT | _Doubt.OFF_AT_BOTH:
            return _of_one_that_is_off(doubt, runs=runs, seen=seen, known=known)
        case _Doubt.READY_THERE if runs and known.start_refused:
            return Ruling(action=Action.UNDEFINE_DESTINATION)
        case _Doubt.READY_THERE:
            return Ruling(action=Action.START_DESTINATION if runs else Action.FINISH)
        case _Doubt.ONLY_THERE:
            return Ruling(action=Action.START_DESTINATION if runs else Action.SUCCEEDED)
        case _Doubt.NOT_HERE | _Doubt.UNASKED:
            return _of_another(doubt, known)
        case _:
            assert_never(doubt)


def _of_one_that_is_off(doubt: _Doubt, *, runs: bool, seen: Seen, known: Known) -> Ruling:
    if doubt is _Doubt.OFF_HERE:
        return Ruling(action=Action.START_SOURCE if runs else Action.UNDO)
    if doubt is _Doubt.OFF_AT_BOTH:
        # Seen: a guest that powers itself off as soon as it runs at the destination, before libvirt is through.
        if seen.source_off is Off.LEFT and seen.destination_off in (Off.SHUT_DOWN, Off.ENDED):
            return Ruling(action=Action.FINISH)
        return Ruling(action=Action.HOLD, hold=Hold.TWO_DEFINITIONS)
    # The migration failed because the guest, or its QEMU, ended: it is off, where it was. Without that knowledge it may
    # have left and been lost at the destination, whose disks then hold the newest data.
    if known.transfer_failed:
        return Ruling(action=Action.UNDO)
    return Ruling(action=Action.HOLD, hold=Hold.MAY_HAVE_LEFT)


def _not_yet(doubt: _Doubt, *, runs: bool, known: Known) -> Action:
    """Something that was asked for may yet have its effect."""
    if doubt is _Doubt.NOT_RUN:
        # Destroyed there while it is let run, the guest would lose what it wrote meanwhile.
        return Action.WAIT_FOR_ARRIVAL if known.may_arrive else Action.ABORT
    return Action.WAIT_FOR_POWER if runs and known.may_power_off else Action.UNDO


def _of_another(doubt: _Doubt, known: Known) -> Ruling:
    """Somebody else's doing. An attempt that did nothing ends without a trace; what is so is decided about afresh."""
    if known.untouched:
        return Ruling(action=Action.UNDO)
    return Ruling(action=Action.HOLD, hold=Hold.NOWHERE if doubt is _Doubt.NOT_HERE else Hold.UNASKED)


_Row = tuple[
    Action | Hold | _Doubt,
    Action | Hold | _Doubt,
    Action | Hold | _Doubt,
    Action | Hold | _Doubt,
    Action | Hold | _Doubt,
    Action | Hold | _Doubt,
]
_Table = Mapping[End, _Row]
"""By the source's state; a row's cells are by the destination's, in the order of `_COLUMNS`."""

_COLUMNS = (End.ABSENT, End.RUNNING, End.PAUSED, End.SUSPENDED, End.PARTIAL, End.SHUT_OFF)
_NO_SOURCE: _Row = (Hold.UNASKED,) * 6
"""A source is never `SUSPENDED`: the row is there so that no pair is without a cell."""


def _table(method: Method, step: Step) -> _Table:
    match step:
        case Step.PREPARING:
            return _UNTOUCHED
        case Step.TRANSFERRING:
            return _COLD if method is Method.COLD else _LIVE
        case Step.SWITCHING:
            return _SWITCHED
        case Step.ACTIVATING:
            return _ACTIVATING
        case Step.STARTING:
            return _STARTING
        case Step.FINISHING:
            return _ARRIVED
        case _:
            assert_never(step)


_UNDO, _ABORT, _FINISH, _DONE = Action.UNDO, Action.ABORT, Action.FINISH, Action.SUCCEEDED
_LEFT = Hold.MAY_HAVE_LEFT
_TWICE, _GONE, _TWO, _RAN = Hold.RUNS_TWICE, Hold.NOWHERE, Hold.TWO_DEFINITIONS, Hold.MAY_HAVE_RUN
_LOST, _COPY, _ELSE, _ON = Hold.MEMORY_LOST, Hold.ONLY_A_COPY, Hold.UNASKED, Hold.WENT_ON
_OTHER = _Doubt.UNASKED

# fmt: off
# Nothing was put at the destination yet. Whatever became of the VM is somebody else's doing: neither resumed nor
# started.
_UNTOUCHED: _Table = {
    # destination: absent               running   paused   suspended  partial  shut off
    End.ABSENT:    (_Doubt.NOT_HERE,    _OTHER,   _OTHER,  _OTHER,    _OTHER,  _OTHER),
    End.RUNNING:   (_UNDO,              _TWICE,   _OTHER,  _OTHER,    _OTHER,  _OTHER),
    End.PAUSED:    (_UNDO,              _OTHER,   _OTHER,  _OTHER,    _OTHER,  _OTHER),
    End.SUSPENDED: _NO_SOURCE,
    End.PARTIAL:   (_LOST,              _OTHER,   _OTHER,  _OTHER,    _OTHER,  _OTHER),
    End.SHUT_OFF:  (_UNDO,              _OTHER,   _OTHER,  _OTHER,    _OTHER,  _OTHER),
}

# A paused copy that never ran goes first, and only when that is seen to be gone, the source is resumed.
_LIVE: _Table = {
    # destination: absent               running   paused   suspended  partial  shut off
    End.ABSENT:    (_GONE,              _DONE,    _COPY,   _RAN,      _LOST,   _DONE),
    End.RUNNING:   (_UNDO,              _TWICE,   _ABORT,  _RAN,      _RAN,    _TWO),
    End.PAUSED:    (Action.RESUME_SOURCE, _FINISH, _Doubt.NOT_RUN, _RAN, _RAN, _RAN),
    End.SUSPENDED: _NO_SOURCE,
    End.PARTIAL:   (_LOST,              _FINISH,  _LOST,   _LOST,     Action.RESUME_POST_COPY, _LOST),
    End.SHUT_OFF:  (_Doubt.OFF_OR_LEFT, _FINISH,  _COPY,   _RAN,      _LOST,   _Doubt.OFF_AT_BOTH),
}

# It runs at the destination or was about to: a source that is off has left, whatever the call said.
_SWITCHED: _Table = {
    **_LIVE,
    # destination: absent               running   paused   suspended  partial  shut off
    End.SHUT_OFF:  (_LOST,              _FINISH,  _LOST,   _RAN,      _LOST,   _Doubt.OFF_AT_BOTH),
}

# Cold. Until the definition is given to the destination, the source is the truth, and nothing was started there.
_COLD: _Table = {
    # destination: absent               running   paused   suspended  partial  shut off
    End.ABSENT:    (_GONE,              _ELSE,    _ELSE,   _ELSE,     _ELSE,   _ELSE),
    End.RUNNING:   (_Doubt.GOING_DOWN,  _TWICE,   _ELSE,   _ELSE,     _ELSE,   _TWO),
    End.PAUSED:    (_UNDO,              _ELSE,    _ELSE,   _ELSE,     _ELSE,   _TWO),
    End.SUSPENDED: _NO_SOURCE,
    End.PARTIAL:   (_LOST,              _ELSE,    _ELSE,   _ELSE,     _ELSE,   _ELSE),
    End.SHUT_OFF:  (_Doubt.OFF_HERE,    _ELSE,    _ELSE,   _ELSE,     _ELSE,   _TWO),
}

# The disks are copied and the source is disarmed; the definition may be at the destination or not yet. Where the
# source's was removed by somebody, nothing is left to go back to.
_ACTIVATING: _Table = {
    # destination: absent               running   paused   suspended  partial  shut off
    End.ABSENT:    (_GONE,              _DONE,    _ELSE,   _RAN,      _ELSE,   _Doubt.ONLY_THERE),
    End.RUNNING:   (_UNDO,              _TWICE,   _ELSE,   _RAN,      _ELSE,   _TWO),
    End.PAUSED:    (_UNDO,              _RAN,     _ELSE,   _RAN,      _ELSE,   _TWO),
    End.SUSPENDED: _NO_SOURCE,
    End.PARTIAL:   (_LOST,              _ELSE,    _ELSE,   _ELSE,     _ELSE,   _ELSE),
    End.SHUT_OFF:  (_Doubt.OFF_HERE,    _FINISH,  _ELSE,   _RAN,      _ELSE,   _Doubt.READY_THERE),
}

# It may have run at the destination, and written there what the source's disks lack.
_STARTING: _Table = {
    **_ACTIVATING,
    # destination: absent               running   paused   suspended  partial  shut off
    End.SHUT_OFF:  (_LEFT,              _FINISH,  _ELSE,   _RAN,      _ELSE,   _Doubt.READY_THERE),
}

# It was seen at the destination: what is there now holds the newest data, and the source is never started again.
_ARRIVED: _Table = {
    # destination: absent               running   paused   suspended  partial  shut off
    End.ABSENT:    (_GONE,              _DONE,    _ELSE,   _DONE,     _ELSE,   _DONE),
    End.RUNNING:   (_ON,                _TWICE,   _ELSE,   _RAN,      _ELSE,   _RAN),
    End.PAUSED:    (_ON,                _FINISH,  _ELSE,   _RAN,      _ELSE,   _RAN),
    End.SUSPENDED: _NO_SOURCE,
    End.PARTIAL:   (_LOST,              _FINISH,  _LOST,   _LOST,     _LOST,   _LOST),
    End.SHUT_OFF:  (_ON,                _FINISH,  _ELSE,   _FINISH,   _LOST,   _FINISH),
}
# fmt: on
