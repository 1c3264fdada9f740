"""What each step towards a move's end does to the hosts."""

from __future__ import annotations

from contextlib import suppress
from typing import assert_never

from ferryman.fleet.values import Power
from ferryman.migration.cold import mirroring
from ferryman.migration.disks import drives, volumes
from ferryman.migration.errors import UnwrittenError
from ferryman.migration.live import transfer as live
from ferryman.migration.move import Move
from ferryman.migration.settling.actions import Action
from ferryman.records.journal.entry import Step

WAIT_FOR_HOST_S = 2.0
WAIT_FOR_POWER_S = 0.5


def take(move: Move, action: Action) -> None:
    """Take this step. Raises FleetError; the next look says what became of it."""
    match action:
        case Action.WAIT_FOR_JOB | Action.WAIT_FOR_HOST | Action.WAIT_FOR_POWER | Action.WAIT_FOR_ARRIVAL:
            _wait(move, action)
        case Action.CANCEL_JOB:
            move.ends.source.migrations.abort(move.entry.vm)
            _wait(move, action)
        case Action.END_MIRRORS:
            mirroring.end(move)
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
        move.logbook.report("waiting for an unreachable host", None)
        move.stop.wait(WAIT_FOR_HOST_S)
    else:
        move.logbook.report(_WAITING.get(action, "waiting for the guest to power off"), None)
        move.stop.wait(WAIT_FOR_POWER_S)


_WAITING = {
    Action.CANCEL_JOB: "cancelling what nobody drives any more",
    Action.WAIT_FOR_ARRIVAL: "waiting to see whether the destination lets it run",
}


def _resume_post_copy(move: Move) -> None:
    if move.entry.request is None:
        raise AssertionError("a migration that switched was asked for, and that was written down")
    with move.logbook.phase("resuming post-copy"):
        live.resume(move, move.entry.request)


def _touch_source(move: Move, action: Action) -> None:
    source, vm = move.ends.source, move.entry.vm
    if action is Action.RESUME_SOURCE:
        source.power.resume(vm)
    elif action is Action.START_SOURCE:
        with suppress(UnwrittenError):  # a guest that is down does not wait for the state folder; undoing writes it
            move.intent.saw_off()
        source.power.start(vm)
    else:
        move.intent.advance(Step.FINISHING)
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
        if move.entry.step is Step.ACTIVATING:
            move.intent.advance(Step.STARTING)
        with move.logbook.phase("starting"):
            destination.power.start(vm)
    # A start that was refused may yet have had its effect: a running VM keeps its definition.
    elif destination.power.state(vm) is Power.SHUT_OFF:
        # It never ran there: whoever takes the move up from here on may go back to the source, too.
        move.intent.advance(Step.ACTIVATING)
        destination.definitions.undefine(vm)


def _undo(move: Move) -> None:
    """The source as it was, the destination empty of what this move made there."""
    if move.entry.went_off:
        move.intent.saw_off()
    if move.entry.mirrored:
        mirroring.end(move)
    if move.entry.autostart and move.entry.step is not Step.PREPARING:
        move.ends.source.definitions.arm(move.entry.vm)
    if move.entry.machine_files:
        move.ends.destination.machine_files.remove(move.entry.machine_files)
    volumes.remove_created(move)
    drives.put_back(move)
