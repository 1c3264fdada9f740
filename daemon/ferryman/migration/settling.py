"""Bringing a move to its one end: look at both hosts, take the next safe step, look again."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import assert_never

from ferryman.fleet.errors import FleetError, HostUnreachableError
from ferryman.fleet.values import Power
from ferryman.migration import drives, live, volumes
from ferryman.migration.actions import PATIENT, Action
from ferryman.migration.ends import End, Seen
from ferryman.migration.holds import Advice, Way, advice
from ferryman.migration.looking import look
from ferryman.migration.move import Move, UnwrittenError
from ferryman.migration.recovery import Known, Ruling, rule
from ferryman.records.audit_records import Outcome
from ferryman.records.journal_entry import Step

_MOST_REPEATS = 3
_WAIT_FOR_HOST_S = 2.0
_HOST_PATIENCE_NS = 30 * 1_000_000_000
"""A host that is silent for longer keeps no move's slot: the move is left open, and taken up when the host is back."""
_WAIT_FOR_POWER_S = 0.5
_POWER_PATIENCE_NS = 90 * 1_000_000_000
"""Nor does a guest that is going down and does not come to its end; longer than it is given to change its mind."""
_LATE_POWER_OFF_NS = 60 * 1_000_000_000
"""A guest that was asked to power itself off, and has not, is watched for so long: nobody else would start it again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a move ended, and why. `outcome` None: it did not, and the journal keeps it open to be taken up again."""

    outcome: Outcome | None
    reason: str = ""
    remedy: str = ""


_LEFT_OPEN = Ending(outcome=None, reason="the daemon stopped, or a host is silent; the move is taken up again")


def settle(move: Move, failure: FleetError | None) -> Ending:
    """Drive the move to a terminal state from whatever state it is in.

    `failure` is what the transfer raised, if it did: it is the reason where the move is undone. A step that fails
    is taken again at most three times; then a person must decide. Ends without an outcome while the daemon stops, and
    where a host stays silent.
    """
    return _Settling(move, failure).run()


class _Settling:
    """The steps taken so far, and what they taught."""

    def __init__(self, move: Move, failure: FleetError | None) -> None:
        self._move = move
        # A host that fell silent said nothing about the transfer.
        self._failed = failure is not None and not isinstance(failure, HostUnreachableError)
        self._trouble = failure
        self._taken: Counter[Action] = Counter()
        self._start_refused = False
        self._began_ns = move.clock.monotonic_ns()
        self._answered_ns = self._began_ns
        """When both hosts were last seen to answer, and the guest to be going down no more."""

    def run(self) -> Ending:
        while True:
            seen = look(self._move.ends, self._move.entry.vm, self._move.entry.uuid)
            ruling = self._decide(seen)
            ending = self._terminal(ruling, seen)
            if ending is not None:
                return ending
            action = ruling.action
            error = self._attempt(action)
            if action is Action.UNDO and error is None:
                return _undone(seen, self._trouble)
            if self._must_leave(action, error) or self._is_deserted(action):
                return _LEFT_OPEN

    def _decide(self, seen: Seen) -> Ruling:
        entry = self._move.entry
        waited_ns = self._move.clock.monotonic_ns() - self._began_ns
        known = Known(
            transfer_failed=self._failed,
            start_refused=self._start_refused,
            may_power_off=waited_ns < _LATE_POWER_OFF_NS and not self._taken[Action.START_SOURCE],
            untouched=entry.untouched,
        )
        return rule(entry.method, entry.step, runs=entry.running, seen=seen, known=known)

    def _terminal(self, ruling: Ruling, seen: Seen) -> Ending | None:
        action = ruling.action
        if action is Action.SUCCEEDED:
            return Ending(outcome=Outcome.SUCCEEDED)
        if action is Action.UNDO and self._taken[action] >= _MOST_REPEATS:
            return _undone_in_part(self._move, seen, self._trouble)
        if action is Action.HOLD or self._taken[action] >= _MOST_REPEATS:
            return _held(self._move, seen, ruling, self._trouble)
        return None

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
        try:
            _take(self._move, action)
        except (HostUnreachableError, UnwrittenError) as error:
            # Not a refusal: it does not count. The next look most likely waits for the host, or the step is tried
            # again until the state folder takes files.
            self._taken[action] -= action not in PATIENT
            self._move.stop.wait(_WAIT_FOR_HOST_S)
            return error
        except FleetError as error:
            self._trouble = error
            self._start_refused |= action is Action.START_DESTINATION
            if action is Action.RESUME_POST_COPY:
                self._move.report(f"standing still, tried again: {error.reason}", None)
            self._move.stop.wait(_WAIT_FOR_POWER_S)
            return error
        return None

    def _must_leave(self, action: Action, error: FleetError | None) -> bool:
        """Whether the daemon is stopping and this step would only wait."""
        return self._move.stop.is_set() and (
            action in PATIENT or isinstance(error, (HostUnreachableError, UnwrittenError))
        )


def _take(move: Move, action: Action) -> None:
    match action:
        case Action.WAIT_FOR_JOB | Action.WAIT_FOR_HOST | Action.WAIT_FOR_POWER:
            _wait(move, action)
        case Action.RESUME_POST_COPY:
            _resume_post_copy(move)
        case Action.RESUME_SOURCE | Action.START_SOURCE | Action.FINISH:
            _touch_source(move, action)
        case Action.ABORT | Action.START_DESTINATION | Action.UNDEFINE_DESTINATION:
            _touch_destination(move, action)
        case Action.UNDO:
            _undo(move)
        case Action.SUCCEEDED | Action.HOLD:
            raise AssertionError(f"{action} is terminal")
        case _:
            assert_never(action)


def _wait(move: Move, action: Action) -> None:
    if action is Action.WAIT_FOR_JOB:
        live.adopt(move)
    elif action is Action.WAIT_FOR_HOST:
        move.report("waiting for an unreachable host", None)
        move.stop.wait(_WAIT_FOR_HOST_S)
    else:
        move.report("waiting for the guest to power off", None)
        move.stop.wait(_WAIT_FOR_POWER_S)


def _resume_post_copy(move: Move) -> None:
    if move.entry.request is None:
        raise AssertionError("a migration that switched was asked for, and that was written down")
    with move.phase("resuming post-copy"):
        live.resume(move, move.entry.request)


def _touch_source(move: Move, action: Action) -> None:
    source, vm = move.ends.source, move.entry.vm
    if action is Action.RESUME_SOURCE:
        source.power.resume(vm)
    elif action is Action.START_SOURCE:
        source.power.start(vm)
    else:
        move.advance(Step.FINISHING)
        if move.entry.autostart:
            move.ends.destination.definitions.arm(vm)
        # Paused for the switch-over, or off. Should it run after all, it is left alone and the next look says so.
        if source.power.state(vm) is Power.PAUSED:
            source.power.destroy(vm)
        if source.power.state(vm) is Power.SHUT_OFF:
            source.definitions.undefine(vm)


def _touch_destination(move: Move, action: Action) -> None:
    destination, vm = move.ends.destination, move.entry.vm
    if action is Action.ABORT:
        move.ends.source.migrations.abort(vm)
        if destination.power.state(vm) is Power.PAUSED:
            destination.power.destroy(vm)
    elif action is Action.START_DESTINATION:
        with move.phase("starting"):
            destination.power.start(vm)
    # A start that was refused may yet have had its effect: a running VM keeps its definition.
    elif destination.power.state(vm) is Power.SHUT_OFF:
        destination.definitions.undefine(vm)


def _undo(move: Move) -> None:
    """The source as it was, the destination empty of what this move made there."""
    for target in move.entry.mirrored:
        move.ends.source.images.cancel_mirror(move.entry.vm, target)
    if move.entry.autostart and move.entry.step is not Step.PREPARING:
        move.ends.source.definitions.arm(move.entry.vm)
    if move.entry.machine_files:
        move.ends.destination.machine_files.remove(move.entry.machine_files)
    volumes.remove_created(move)
    drives.put_back(move)


_STATES = {
    End.RUNNING: "runs at the source",
    End.PAUSED: "is paused at the source",
    End.SHUT_OFF: "is shut off at the source",
    End.PARTIAL: "is one half of a migration of somebody else's",
    End.ABSENT: "is not at the source any more",
}


def _undone(seen: Seen, trouble: FleetError | None) -> Ending:
    reason = trouble.reason if trouble else "the move was interrupted"
    remedy = trouble.remedy if trouble else "Nothing to do: it is tried again."
    return Ending(outcome=Outcome.FAILED, reason=f"{reason} (it {_STATES[seen.source]})", remedy=remedy)


def _undone_in_part(move: Move, seen: Seen, trouble: FleetError | None) -> Ending:
    """The VM is safe; what could not be taken back is named."""
    left = ", ".join(f"{volume.pool}/{volume.name}" for volume in move.entry.created) or "nothing"
    ending = _undone(seen, trouble)
    return Ending(
        outcome=Outcome.FAILED,
        reason=f"{ending.reason}; left on {move.entry.destination}: {left}",
        remedy=f"{ending.remedy} Then delete there what is left (virsh vol-delete VOLUME POOL)"
        + (f", and on {move.entry.source}: virsh autostart {move.entry.vm}." if move.entry.autostart else "."),
    )


def _held(move: Move, seen: Seen, ruling: Ruling, trouble: FleetError | None) -> Ending:
    entry = move.entry
    said = f"{trouble.reason}; " if trouble else ""
    why = _why_held(move, ruling, trouble)
    return Ending(
        outcome=Outcome.HELD,
        reason=f"{said}{entry.vm} is {seen.source} on {entry.source} and {seen.destination} on {entry.destination}: "
        f"{why.reason}",
        remedy=why.remedy,
    )


def _why_held(move: Move, ruling: Ruling, trouble: FleetError | None) -> Advice:
    entry = move.entry
    if ruling.hold is not None:
        return advice(ruling.hold, Way(vm=entry.vm, source=entry.source, destination=entry.destination))
    return Advice(
        reason=f"the next step, {ruling.action}, failed {_MOST_REPEATS} times",
        remedy=f"{trouble.remedy if trouble else 'See the log of libvirtd on both hosts.'} "
        f"Then: ferryman recover {entry.vm} --accept",
    )
