"""Bringing a move to its one end: look at both hosts, take the next safe step, look again."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import assert_never

from ferryman.fleet.errors import FleetError, HostUnreachableError, OperationFailedError
from ferryman.fleet.hypervisor import Hypervisor, JobPhase
from ferryman.fleet.values import Power
from ferryman.migration import live, volumes
from ferryman.migration.convergence import ladder
from ferryman.migration.move import Move
from ferryman.migration.recovery import Action, End, Seen, next_action
from ferryman.records.values import Outcome, Step

_MOST_REPEATS = 3
_WAIT_FOR_HOST_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a move ended, and why. `outcome` None: the daemon stopped first; the journal keeps the move open."""

    outcome: Outcome | None
    reason: str = ""
    remedy: str = ""


def settle(move: Move, failure: FleetError | None) -> Ending:
    """Drive the move to a terminal state from whatever state it is in.

    `failure` is what the transfer raised, if it did: it is the reason where the move is undone. A step that fails
    is taken again at most three times; then a person must decide.
    """
    taken: Counter[Action] = Counter()
    trouble = failure
    while True:
        seen = _look(move)
        action = next_action(move.entry.method, move.entry.step, runs=move.entry.running, seen=seen)
        if action not in (Action.WAIT_FOR_JOB, Action.WAIT_FOR_HOST):
            taken[action] += 1
        if taken[action] > _MOST_REPEATS:
            return _held(move, seen, trouble)
        match action:
            case Action.SUCCEEDED:
                return Ending(outcome=Outcome.SUCCEEDED)
            case Action.HOLD:
                return _held(move, seen, trouble)
            case Action.UNDO:
                volumes.remove_created(move)
                return _undone(seen, trouble)
            case _:
                trouble = _attempted(move, action) or trouble
        if move.stop.is_set() and action in (Action.WAIT_FOR_JOB, Action.WAIT_FOR_HOST):
            return Ending(outcome=None, reason="the daemon stopped; the move is taken up again at its next start")


def _attempted(move: Move, action: Action) -> FleetError | None:
    try:
        _take(move, action)
    except OperationFailedError as error:
        if action is Action.START_DESTINATION:
            _take(move, Action.UNDEFINE_DESTINATION)
        return error
    except HostUnreachableError:
        return None  # the next look says so, and waits
    return None


def _take(move: Move, action: Action) -> None:
    match action:
        case Action.WAIT_FOR_JOB:
            live.watch(move, ladder(move.entry.max_downtime_ms), None)
        case Action.WAIT_FOR_HOST:
            move.report("waiting for an unreachable host", None)
            move.stop.wait(_WAIT_FOR_HOST_S)
        case Action.RESUME_SOURCE | Action.START_SOURCE | Action.FINISH:
            _touch_source(move, action)
        case Action.ABORT | Action.START_DESTINATION | Action.UNDEFINE_DESTINATION:
            _touch_destination(move, action)
        case Action.SUCCEEDED | Action.UNDO | Action.HOLD:
            raise AssertionError(f"{action} is terminal")
        case _:
            assert_never(action)


def _touch_source(move: Move, action: Action) -> None:
    source, vm = move.ends.source.domains, move.entry.vm
    if action is Action.RESUME_SOURCE:
        source.resume(vm)
    elif action is Action.START_SOURCE:
        source.start(vm)
    else:
        move.advance(Step.FINISHING)
        # Paused for the switch-over, or off. Should it run after all, it is left alone and the next look says so.
        if source.power(vm) is Power.PAUSED:
            source.destroy(vm)
        if source.power(vm) is Power.SHUT_OFF:
            source.undefine(vm)


def _touch_destination(move: Move, action: Action) -> None:
    destination, vm = move.ends.destination.domains, move.entry.vm
    if action is Action.ABORT:
        move.ends.source.migrations.abort(vm)
        if destination.power(vm) is Power.PAUSED:
            destination.destroy(vm)
    elif action is Action.START_DESTINATION:
        with move.phase("starting"):
            destination.start(vm)
    else:
        destination.undefine(vm)


def _look(move: Move) -> Seen:
    source = _end(move.ends.source, move)
    destination = _end(move.ends.destination, move)
    return Seen(source=source, destination=destination, job=source in _LIVE_ENDS and _has_job(move))


_LIVE_ENDS = (End.RUNNING, End.PAUSED)


def _end(host: Hypervisor, move: Move) -> End:
    try:
        domain = host.read().domains.get(move.entry.vm)
    except FleetError:
        return End.UNREACHABLE
    if domain is None or domain.uuid != move.entry.uuid:
        return End.ABSENT
    match domain.power:
        case Power.RUNNING | Power.SHUTTING_DOWN:
            return End.RUNNING
        case Power.PAUSED:
            return End.PAUSED
        case Power.SHUT_OFF | Power.CRASHED:
            return End.SHUT_OFF
        case _:
            assert_never(domain.power)


def _has_job(move: Move) -> bool:
    try:
        return move.ends.source.migrations.job(move.entry.vm).phase is not JobPhase.NONE
    except FleetError:
        return False


def _undone(seen: Seen, trouble: FleetError | None) -> Ending:
    state = "runs" if seen.source is End.RUNNING else "is shut off"
    reason = trouble.reason if trouble else "the move was interrupted"
    remedy = trouble.remedy if trouble else "Nothing to do: it is tried again."
    return Ending(outcome=Outcome.FAILED, reason=f"{reason} (it {state} at the source, as before)", remedy=remedy)


def _held(move: Move, seen: Seen, trouble: FleetError | None) -> Ending:
    entry = move.entry
    said = f"{trouble.reason}; " if trouble else ""
    return Ending(
        outcome=Outcome.HELD,
        reason=f"{said}{entry.vm} is {seen.source} on {entry.source} and {seen.destination} on {entry.destination}, "
        "which ferryman does not resolve by itself",
        remedy="Look at both (virsh list --all) and leave one running copy and one definition; ferryman then goes on.",
    )
