"""Cold: the guest is shut down, its disks are there by then or are copied, it is defined and started there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from ferryman.fleet.errors import OperationFailedError
from ferryman.fleet.machine_files import files_of
from ferryman.fleet.values import DomainDetail, Power
from ferryman.fleet.xml import domain as domain_xml
from ferryman.fleet.xml.adapting import Adaptation, adapted
from ferryman.migration import tagging
from ferryman.migration.cold import mirroring, streaming
from ferryman.migration.cold.exporting import Cargo, copy, reach, serving, verify
from ferryman.migration.disks.volumes import Ready
from ferryman.migration.errors import MoveFailedError, stopped
from ferryman.migration.move import Move
from ferryman.migration.settling.looking import has_left
from ferryman.planning.modes import ImageCopy
from ferryman.planning.plans import DiskPlan
from ferryman.records.journal.entry import Step
from ferryman.specs.vm_spec import ColdSpec

_LOOK_EVERY_S = 0.05
_ASK_AGAIN_S = 5.0
_NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ColdMove:
    """What a cold move is asked to do."""

    vm: DomainDetail
    disks: Sequence[DiskPlan]
    ready: Ready
    adaptation: Adaptation
    """What differs at the destination."""
    spec: ColdSpec
    way: ImageCopy
    address: str
    """Where the destination takes the disks' content."""
    tls_name: str = ""
    """The name that its certificate must bear; empty: in plain text."""
    bandwidth_mib_s: int = 0


def transfer(move: Move, cold: ColdMove) -> None:
    """Shut down, have the disks there, define. Starting is for `settling`, which sees that both ends are ready for it.

    Raises FleetError; StoppedError when the daemon is stopping.
    """
    match cold.way:
        case ImageCopy.STREAM:
            _stream(move, cold)
        case ImageCopy.NBD:
            _copy(move, cold)
        case ImageCopy.MIRROR:
            _mirror(move, cold)
    _require_off(move)
    definition = _definition_now(move, cold)
    _bring_machine_files(move, cold.vm)
    move.intent.advance(Step.ACTIVATING)
    with move.logbook.phase("defining"):
        move.ends.destination.definitions.define(definition, autostart=cold.vm.autostart)


def _definition_now(move: Move, cold: ColdMove) -> str:
    """As it is to be there. A mirror takes hours, and somebody may have edited the definition meanwhile."""
    planned = adapted(cold.vm.xml, cold.adaptation)
    now = adapted(move.ends.source.domains.inspect(move.entry.vm).xml, cold.adaptation)
    emptied = cold.adaptation.emptied_drives
    if domain_xml.attached(now, but=emptied) != domain_xml.attached(planned, but=emptied):
        raise MoveFailedError(
            f"the disks, interfaces or other devices in {move.entry.vm}'s definition were changed while it was moved",
            "Leave its definition as it is until the move is over; it is planned anew with what it has now.",
        )
    return now


def _bring_machine_files(move: Move, vm: DomainDetail) -> None:
    """Firmware variables and a TPM's state, as they are now that the VM is off."""
    files = files_of(vm.domain.uuid, vm.needs)
    if files:
        with move.logbook.phase("bringing machine files"):
            there = move.ends.destination.machine_files
            move.intent.carries(there.absent(files))
            there.store(move.ends.source.machine_files.fetch(files))


def _stream(move: Move, cold: ColdMove) -> None:
    _switch_off(move, cold)
    with move.logbook.phase("copying disks"):
        streaming.copy(move, cold.disks)


def _copy(move: Move, cold: ColdMove) -> None:
    """The guest is not shut down before its disks are seen to have a way to go."""
    with _serving(move, cold) as cargo:
        reach(move, cargo)
        _switch_off(move, cold)
        _copy_and_verify(move, cargo, cold)


def _mirror(move: Move, cold: ColdMove) -> None:
    """The guest runs until all is there. A mirror that broke at the last moment is made good by a copy."""
    with _serving(move, cold) as cargo:
        with move.logbook.phase("mirroring disks"):
            mirroring.fill(move, cargo, cold.bandwidth_mib_s)
        vigil = mirroring.Vigil(move, cargo)
        _switch_off(move, cold, vigil.look)
        if vigil.broke():
            move.warnings.append("the mirror broke while the guest was shutting down: its disks were copied anew")
            _copy_and_verify(move, cargo, cold)
        elif cold.spec.compare:
            with move.logbook.phase("comparing disks"):
                verify(move, cargo)


def _serving(move: Move, cold: ColdMove) -> AbstractContextManager[tuple[Cargo, ...]]:
    return serving(move, cold.disks, cold.ready, address=cold.address, tls_name=cold.tls_name)


def _copy_and_verify(move: Move, cargo: Sequence[Cargo], cold: ColdMove) -> None:
    with move.logbook.phase("copying disks"):
        copy(move, cargo, cold.bandwidth_mib_s)
    with move.logbook.phase("comparing disks"):
        verify(move, cargo)


def _nothing() -> None:
    """There is nothing to see to meanwhile."""


def _switch_off(move: Move, cold: ColdMove, meanwhile: Callable[[], None] = _nothing) -> None:
    if move.entry.running:
        move.intent.asks_to_power_off(move.clock.now())
        with move.logbook.phase("shutting down"):
            _shut_down(move, cold.spec, meanwhile)
    else:
        move.intent.advance(Step.TRANSFERRING)
    # From here on a reboot of the source must not bring up a second copy.
    move.ends.source.definitions.disarm(move.entry.vm)
    _require_off(move)
    move.intent.saw_off()


def _shut_down(move: Move, spec: ColdSpec, meanwhile: Callable[[], None]) -> None:
    """Ask until it is off. Some guests miss the first request while they boot, so it is repeated."""
    power, vm = move.ends.source.power, move.entry.vm
    began = asked = move.clock.monotonic_ns()
    move.logbook.undisturbed_until_ns = began
    _ask_to_power_off(move)
    while power.state(vm) is not Power.SHUT_OFF:
        meanwhile()
        tagging.renew(move)
        now = move.clock.monotonic_ns()
        if now - began > spec.shutdown_timeout_s * _NS_PER_S:
            _after_the_deadline(move, spec)
            return
        if now - asked > _ASK_AGAIN_S * _NS_PER_S:
            asked = now
            _ask_to_power_off(move)
        if move.stop.wait(_LOOK_EVERY_S):
            raise stopped(vm)


def _ask_to_power_off(move: Move) -> None:
    """A guest may have done so by the time that it is asked, or while a silent agent of its was waited for."""
    try:
        move.ends.source.power.request_shutdown(move.entry.vm)
    except OperationFailedError:
        if move.ends.source.power.state(move.entry.vm) is not Power.SHUT_OFF:
            raise


def _after_the_deadline(move: Move, spec: ColdSpec) -> None:
    vm, waited_s = move.entry.vm, spec.shutdown_timeout_s
    if not spec.force_off:
        raise MoveFailedError(
            f"{vm} did not shut down within {waited_s} s, and its spec does not allow to power it off",
            "See whether the guest answers ACPI or has a guest agent; or raise [cold] shutdown_timeout_s, "
            "or set [cold] force_off = true.",
        )
    move.warnings.append(f"it did not shut down within {waited_s} s and was powered off, as its spec says (force_off)")
    move.ends.source.power.destroy(vm)


def _require_off(move: Move) -> None:
    """Somebody may have started it meanwhile; what was copied is then no copy of its disks."""
    power = move.ends.source.power.state(move.entry.vm)
    if power is not Power.SHUT_OFF:
        raise MoveFailedError(
            f"{move.entry.vm} did not stay shut off at {move.entry.source}: it is {power or 'gone'}",
            "Find out what started it (a cluster manager, on_poweroff = restart); it is tried again.",
        )
    if has_left(move.ends.source, move.entry.uuid):
        raise MoveFailedError(
            f"{move.entry.vm} is off at {move.entry.source} because somebody migrated it away",
            "Look for it on the other hosts: virsh list --all.",
        )
