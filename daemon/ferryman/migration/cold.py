"""Cold: the guest is shut down, its disks are copied, it is defined and started at the destination."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ferryman.fleet.adapting import adapted
from ferryman.fleet.values import DomainDetail, Power, Volume
from ferryman.migration.move import DiskProgress, Move, MoveFailedError, StoppedError
from ferryman.migration.volumes import adaptation, copied
from ferryman.planning.decisions import DiskPlan
from ferryman.records.values import Step

_LOOK_EVERY_S = 0.1
_ASK_AGAIN_S = 5.0
_NS_PER_S = 1_000_000_000
_REPORT_EVERY_BYTES = 8 * 1024 * 1024


def transfer(
    move: Move, vm: DomainDetail, disks: Sequence[DiskPlan], ready: dict[str, Volume], shutdown_timeout_s: int
) -> None:
    """Shut down, copy, define. Starting is for `settling`, which sees that both ends are ready for it.

    Raises FleetError; StoppedError when the daemon is stopping.
    """
    move.advance(Step.TRANSFERRING)
    if move.entry.running:
        with move.phase("shutting down"):
            _shut_down(move, shutdown_timeout_s)
    # Disarmed first: from here on a reboot of the source must not bring up a second copy.
    move.ends.source.domains.disarm(move.entry.vm)
    _require_off(move)
    with move.phase("copying disks"):
        _copy(move, disks)
    _require_off(move)
    move.advance(Step.ACTIVATING)
    with move.phase("defining"):
        xml = adapted(vm.xml, adaptation(disks, ready))
        move.ends.destination.domains.define(xml, autostart=vm.autostart)


def _shut_down(move: Move, timeout_s: int) -> None:
    """Ask until it is off. Some guests miss the first request while they boot, so it is repeated."""
    domains, vm = move.ends.source.domains, move.entry.vm
    began = asked = move.clock.monotonic_ns()
    move.undisturbed_until_ns = began
    domains.request_shutdown(vm)
    while domains.power(vm) is not Power.SHUT_OFF:
        now = move.clock.monotonic_ns()
        if now - began > timeout_s * _NS_PER_S:
            raise MoveFailedError(
                f"{vm} did not shut down within {timeout_s} s, and is never powered off unasked",
                "See whether the guest answers ACPI or has a guest agent; or raise [cold] shutdown_timeout_s.",
            )
        if now - asked > _ASK_AGAIN_S * _NS_PER_S:
            asked = now
            domains.request_shutdown(vm)
        if move.stop.wait(_LOOK_EVERY_S):
            raise _stopped(vm)


def _require_off(move: Move) -> None:
    """Somebody may have started it meanwhile; what was copied is then no copy of its disks."""
    power = move.ends.source.domains.power(move.entry.vm)
    if power is not Power.SHUT_OFF:
        raise MoveFailedError(
            f"{move.entry.vm} did not stay shut off at {move.entry.source}: it is {power or 'gone'}",
            "Find out what started it (a cluster manager, on_poweroff = restart); it is tried again.",
        )


def _copy(move: Move, disks: Sequence[DiskPlan]) -> None:
    """The disks' bytes, through this machine; what is a hole stays one."""
    total = sum(disk.source.allocation_bytes for disk in copied(disks))
    meter = _Meter(move, total)
    for disk in copied(disks):
        # Looked at anew: while the guest still ran its image may have grown.
        here = move.ends.source.volumes.find(disk.source.ref)
        with move.ends.source.volumes.download(disk.source.ref) as reader:
            move.ends.destination.volumes.upload(disk.destination, meter.through(reader.runs()))
        _verify_length(move, disk, here.physical_bytes if here else 0)


def _verify_length(move: Move, disk: DiskPlan, sent_bytes: int) -> None:
    there = move.ends.destination.volumes.find(disk.destination)
    if there is None or there.physical_bytes != sent_bytes:
        length = "nothing" if there is None else f"{there.physical_bytes} bytes"
        raise MoveFailedError(
            f"{disk.target}: {length} arrived of {sent_bytes} bytes",
            f"See the free space and the kernel's log on {move.entry.destination}; it is tried again.",
        )


class _Meter:
    """Counts what passes, reports it, and stops when the daemon does."""

    def __init__(self, move: Move, total_bytes: int) -> None:
        self._move = move
        self._total_bytes = total_bytes
        self._began_ns = move.clock.monotonic_ns()
        self._bytes = 0
        self._reported_bytes = 0

    def through(self, runs: Iterator[bytes | int]) -> Iterator[bytes | int]:
        """The same runs."""
        for run in runs:
            yield run
            self._bytes += 0 if isinstance(run, int) else len(run)
            if self._move.stop.is_set():
                raise _stopped(self._move.entry.vm)
            if self._bytes - self._reported_bytes >= _REPORT_EVERY_BYTES:
                self._report()

    def _report(self) -> None:
        self._reported_bytes = self._bytes
        elapsed_s = max(1, self._move.clock.monotonic_ns() - self._began_ns) / _NS_PER_S
        progress = DiskProgress(
            total_bytes=max(self._total_bytes, self._bytes),
            processed_bytes=self._bytes,
            bytes_s=self._bytes / elapsed_s,
        )
        self._move.report("copying disks", progress)


def _stopped(vm: str) -> StoppedError:
    return StoppedError(f"the daemon was stopped while {vm} could still be brought back", "Start ferryman again.")
