"""Bringing a move to its one end: look at both hosts, take the next safe step, look again."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from ferryman.fleet.errors import FailureKind, FleetError, HostUnreachableError, OperationFailedError
from ferryman.migration import tagging
from ferryman.migration.errors import UnwrittenError
from ferryman.migration.move import Move
from ferryman.migration.settling.acting import WAIT_FOR_HOST_S, WAIT_FOR_POWER_S, take
from ferryman.migration.settling.actions import PATIENT, Action
from ferryman.migration.settling.endings import ARRIVED, LEFT_OPEN, Ending, held, undone, undone_in_part
from ferryman.migration.settling.ends import Seen
from ferryman.migration.settling.holds import Hold
from ferryman.migration.settling.knowing import Known, Run
from ferryman.migration.settling.looking import look, look_around
from ferryman.migration.settling.recovery import Ruling, rule
from ferryman.migration.settling.trying import MOST_TRIES, pause_s
from ferryman.records.journal.entry import Step

_HOST_PATIENCE_NS = 30 * 1_000_000_000
"""A host that is silent for longer keeps no move's slot: the move is left open, and taken up when the host is back."""
_POWER_PATIENCE_NS = 90 * 1_000_000_000
"""Nor does a guest that is going down and does not come to its end; longer than it is given to change its mind."""


def settle(move: Move, failure: FleetError | None, *, witnessed: bool = False) -> Ending:
    """Drive the move to a terminal state from whatever state it is in.

    `failure` is what the transfer raised, if it did: it is the reason where the move is undone. `witnessed`: this run
    of the daemon carried the move from its beginning. A step that fails is taken again for about a minute (`trying`);
    then a person must decide. Ends without an outcome while the daemon stops, and where a host stays silent.
    """
    return _Settling(move, failure, witnessed=witnessed).run()


class _Settling:
    """The steps taken so far, and what they taught."""

    def __init__(self, move: Move, failure: FleetError | None, *, witnessed: bool) -> None:
        self._move = move
        self._witnessed = witnessed
        # A host that fell silent said nothing about the transfer.
        self._failed = failure is not None and not isinstance(failure, HostUnreachableError)
        self._trouble = failure
        move.call_failed = failure is not None and _is_refusal(failure)
        self._taken: Counter[Action] = Counter()
        self._rested: Counter[Action] = Counter()
        """After how many tries of a step its pause was made."""
        self._start_refused = False
        self._began_ns = move.clock.monotonic_ns()
        self._answered_ns = self._began_ns
        """When both hosts were last seen to answer, and the guest to be going down no more."""

    def run(self) -> Ending:
        while True:
            seen, ruling = self._looked()
            ending = self._terminal(ruling, seen)
            if ending is not None:
                return ending
            action = ruling.action
            if self._is_to_rest(action):
                if self._rests(action):
                    continue
                return LEFT_OPEN
            error = self._attempt(action)
            if action is Action.UNDO and error is None:
                return undone(seen, self._trouble)
            if self._must_leave(action, error) or self._is_deserted(action):
                return LEFT_OPEN

    def _looked(self) -> tuple[Seen, Ruling]:
        """What is seen, and what follows. Before the VM is let run anywhere, everywhere else is looked at, too."""
        move = self._move
        seen = look(move.ends, move.entry)
        ruling = self._decide(seen)
        if ruling.asks_others:
            seen = look_around(seen, move.ends, move.entry.uuid, move.work)
            seen = replace(seen, claimed_by=tagging.claimed_by(move))
            ruling = self._decide(seen)
        return seen, ruling

    def _decide(self, seen: Seen) -> Ruling:
        entry = self._move.entry
        run = Run(
            witnessed=self._witnessed,
            transfer_failed=self._failed,
            start_refused=self._start_refused,
            source_started=self._taken[Action.START_SOURCE] > 0,
            waited_ns=self._move.clock.monotonic_ns() - self._began_ns,
        )
        return rule(entry.method, entry.step, runs=entry.running, seen=seen, known=Known.of(entry, run))

    def _terminal(self, ruling: Ruling, seen: Seen) -> Ending | None:
        action = ruling.action
        if action is Action.SUCCEEDED:
            return ARRIVED
        if action is Action.UNDO and self._taken[action] >= MOST_TRIES:
            return undone_in_part(self._move, seen, self._trouble)
        if action is Action.HOLD or self._taken[action] >= MOST_TRIES:
            return held(self._move.entry, seen, self._held(ruling), self._trouble)
        return None

    def _held(self, ruling: Ruling) -> Ruling:
        """Why, where a step failed too often."""
        if ruling.action is Action.START_DESTINATION and self._move.entry.step is Step.STARTING:
            return Ruling(action=Action.HOLD, hold=Hold.MAY_HAVE_RUN)
        return ruling

    def _is_to_rest(self, action: Action) -> bool:
        """Whether this step was tried before, and its pause was not made yet."""
        return self._taken[action] > self._rested[action]

    def _rests(self, action: Action) -> bool:
        """Let some time pass before a further try, and look again after it; False: the daemon is stopping."""
        move = self._move
        self._rested[action] = self._taken[action]
        move.logbook.report(f"tried again soon: {self._trouble.reason if self._trouble else action}", None)
        stopping = move.stop.wait(pause_s(self._taken[action]))
        self._answered_ns = move.clock.monotonic_ns()
        return not stopping

    def _is_deserted(self, action: Action) -> bool:
        """Whether an end has been silent, or the guest going down, for so long that waiting here helps nobody."""
        now_ns = self._move.clock.monotonic_ns()
        if action not in (Action.WAIT_FOR_HOST, Action.WAIT_FOR_POWER):
            self._answered_ns = now_ns
        patience_ns = _HOST_PATIENCE_NS if action is Action.WAIT_FOR_HOST else _POWER_PATIENCE_NS
        return now_ns - self._answered_ns >= patience_ns

    def _attempt(self, action: Action) -> FleetError | None:
        """Take a step. What it raised is remembered; the next look says what became of it all the same."""
        if action not in PATIENT:
            self._taken[action] += 1
        first_start = action is Action.START_DESTINATION and self._move.entry.step is Step.ACTIVATING
        try:
            take(self._move, action)
        except (HostUnreachableError, UnwrittenError) as error:
            # Not a refusal: it does not count. The next look most likely waits for the host, or the step is tried
            # again until the state folder takes files.
            self._taken[action] -= action not in PATIENT
            self._move.stop.wait(WAIT_FOR_HOST_S)
            return error
        except FleetError as error:
            self._trouble = error
            self._start_refused |= first_start and _is_refusal(error)
            if action is Action.RESUME_POST_COPY:
                self._move.logbook.report(f"standing still, tried again: {error.reason}", None)
            self._move.stop.wait(WAIT_FOR_POWER_S)
            return error
        return None

    def _must_leave(self, action: Action, error: FleetError | None) -> bool:
        """Whether the daemon is stopping and this step would only wait."""
        return self._move.stop.is_set() and (
            action in PATIENT or isinstance(error, (HostUnreachableError, UnwrittenError))
        )


def _is_refusal(error: FleetError) -> bool:
    """Whether the host answered that it did not do it; of what was not over in time nobody knows."""
    return isinstance(error, OperationFailedError) and error.kind is not FailureKind.BUSY
