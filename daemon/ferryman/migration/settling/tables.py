"""What the states of both ends of a move come to: total tables, one for each step. Pure data.

Every pair of states has its cell; where no step is safe, that cell says why a person must decide (`holds.py`: and how).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum, auto
from typing import assert_never

from ferryman.migration.settling.actions import Action
from ferryman.migration.settling.ends import End
from ferryman.migration.settling.holds import Hold
from ferryman.records.journal.entry import Step
from ferryman.specs.choices import Method


class Doubt(StrEnum):
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


Cell = Action | Hold | Doubt
_Row = tuple[Cell, Cell, Cell, Cell, Cell, Cell]
_Table = Mapping[End, _Row]
"""By the source's state; a row's cells are by the destination's, in the order of `_COLUMNS`."""

_COLUMNS = (End.ABSENT, End.RUNNING, End.PAUSED, End.SUSPENDED, End.PARTIAL, End.SHUT_OFF)
_NO_SOURCE: _Row = (Hold.UNASKED,) * 6
"""A source is never `SUSPENDED`: the row is there so that no pair is without a cell."""

_UNDO, _ABORT, _FINISH, _DONE = Action.UNDO, Action.ABORT, Action.FINISH, Action.SUCCEEDED
_LEFT = Hold.MAY_HAVE_LEFT
_TWICE, _GONE, _TWO, _RAN = Hold.RUNS_TWICE, Hold.NOWHERE, Hold.TWO_DEFINITIONS, Hold.MAY_HAVE_RUN
_LOST, _COPY, _ELSE, _ON = Hold.MEMORY_LOST, Hold.ONLY_A_COPY, Hold.UNASKED, Hold.WENT_ON
_OTHER = Doubt.UNASKED

# fmt: off
# Nothing was put at the destination yet. Whatever became of the VM is somebody else's doing: neither resumed nor
# started.
_UNTOUCHED: _Table = {
    # destination: absent               running   paused   suspended  partial  shut off
    End.ABSENT:    (Doubt.NOT_HERE,     _OTHER,   _OTHER,  _OTHER,    _OTHER,  _OTHER),
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
    End.PAUSED:    (Action.RESUME_SOURCE, _FINISH, Doubt.NOT_RUN, _RAN, _RAN, _RAN),
    End.SUSPENDED: _NO_SOURCE,
    End.PARTIAL:   (_LOST,              _FINISH,  _LOST,   _LOST,     Action.RESUME_POST_COPY, _LOST),
    End.SHUT_OFF:  (Doubt.OFF_OR_LEFT,  _FINISH,  _COPY,   _RAN,      _LOST,   Doubt.OFF_AT_BOTH),
}

# It runs at the destination or was about to: a source that is off has left, whatever the call said.
_SWITCHED: _Table = {
    **_LIVE,
    # destination: absent               running   paused   suspended  partial  shut off
    End.SHUT_OFF:  (_LOST,              _FINISH,  _LOST,   _RAN,      _LOST,   Doubt.OFF_AT_BOTH),
}

# Cold. Until the definition is given to the destination, the source is the truth, and nothing was started there.
_COLD: _Table = {
    # destination: absent               running   paused   suspended  partial  shut off
    End.ABSENT:    (_GONE,              _ELSE,    _ELSE,   _ELSE,     _ELSE,   _ELSE),
    End.RUNNING:   (Doubt.GOING_DOWN,   _TWICE,   _ELSE,   _ELSE,     _ELSE,   _TWO),
    End.PAUSED:    (_UNDO,              _ELSE,    _ELSE,   _ELSE,     _ELSE,   _TWO),
    End.SUSPENDED: _NO_SOURCE,
    End.PARTIAL:   (_LOST,              _ELSE,    _ELSE,   _ELSE,     _ELSE,   _ELSE),
    End.SHUT_OFF:  (Doubt.OFF_HERE,     _ELSE,    _ELSE,   _ELSE,     _ELSE,   _TWO),
}

# The disks are copied and the source is disarmed; the definition may be at the destination or not yet. Where the
# source's was removed by somebody, nothing is left to go back to.
_ACTIVATING: _Table = {
    # destination: absent               running   paused   suspended  partial  shut off
    End.ABSENT:    (_GONE,              _DONE,    _ELSE,   _RAN,      _ELSE,   Doubt.ONLY_THERE),
    End.RUNNING:   (_UNDO,              _TWICE,   _ELSE,   _RAN,      _ELSE,   _TWO),
    End.PAUSED:    (_UNDO,              _RAN,     _ELSE,   _RAN,      _ELSE,   _TWO),
    End.SUSPENDED: _NO_SOURCE,
    End.PARTIAL:   (_LOST,              _ELSE,    _ELSE,   _ELSE,     _ELSE,   _ELSE),
    End.SHUT_OFF:  (Doubt.OFF_HERE,     _FINISH,  _ELSE,   _RAN,      _ELSE,   Doubt.READY_THERE),
}

# It may have run at the destination, and written there what the source's disks lack.
_STARTING: _Table = {
    **_ACTIVATING,
    # destination: absent               running   paused   suspended  partial  shut off
    End.SHUT_OFF:  (_LEFT,              _FINISH,  _ELSE,   _RAN,      _ELSE,   Doubt.READY_THERE),
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


def cell(method: Method, step: Step, source: End, destination: End) -> Cell:
    """What the two ends' states come to when a move has come to this step."""
    return _table(method, step)[source][_COLUMNS.index(destination)]


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
