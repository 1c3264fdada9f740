"""Mirrors of a running VM's disks: filled before it is shut down, and kept equal until it is off."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from ferryman.fleet.errors import FleetError
from ferryman.fleet.images import Mirror
from ferryman.fleet.values import Power
from ferryman.migration.cold.exporting import Cargo
from ferryman.migration.errors import MoveFailedError, stopped
from ferryman.migration.logbook import DiskProgress
from ferryman.migration.move import Move

_LOOK_EVERY_S = 0.2
_VIGIL_EVERY_S = 0.5
_SILENT_S = 20.0
"""A mirror that gets no further for so long is given up: its guest's writes stand still as long."""
_NS_PER_S = 1_000_000_000


def fill(move: Move, cargo: Sequence[Cargo], bandwidth_mib_s: int) -> None:
    """Begin every mirror, and wait until all are ready. Raises FleetError, StoppedError."""
    vm, images = move.entry.vm, move.ends.source.images
    each_mib_s = share_mib_s(bandwidth_mib_s, len(cargo))
    move.intent.mirrors(tuple(one.disk.target for one in cargo))
    for one in cargo:
        images.mirror(vm, one.disk.target, one.export, bandwidth_mib_s=each_mib_s)
    meter = _Meter(move)
    try:
        while not meter.saw(_mirrors(move, cargo)):
            if move.stop.wait(_LOOK_EVERY_S):
                raise stopped(vm)
    except FleetError:
        with suppress(FleetError):  # whoever settles the move tries it again
            end(move)
        raise


def share_mib_s(cap_mib_s: int, mirrors: int) -> int:
    """Of the move's cap, for each of the mirrors, which run all at once; 0: no cap, and so for each."""
    return max(1, cap_mib_s // mirrors) if cap_mib_s and mirrors else cap_mib_s


def end(move: Move) -> None:
    """End all mirrors: a guest waits for each of its writes to arrive, also where nobody takes them any more.

    Only the source is needed for it. Raises FleetError.
    """
    for target in move.entry.mirrored:
        move.ends.source.images.cancel_mirror(move.entry.vm, target)
    move.intent.mirrors(())


class Vigil:
    """Whether the filled mirrors last until the VM is off: looked at meanwhile, judged by what was told after it."""

    def __init__(self, move: Move, cargo: Sequence[Cargo]) -> None:
        self._move = move
        self._targets = tuple(one.disk.target for one in cargo)
        self._missed = False
        self._look_at_ns = 0

    def look(self) -> None:
        """See whether one is gone while the guest runs; not at every call."""
        now_ns = self._move.clock.monotonic_ns()
        if self._missed or now_ns < self._look_at_ns:
            return
        self._look_at_ns = now_ns + int(_VIGIL_EVERY_S * _NS_PER_S)
        ends, vm = self._move.ends, self._move.entry.vm
        gone = any(ends.source.images.mirrored(vm, target) is None for target in self._targets)
        # One that is gone with its QEMU is none that broke.
        self._missed = gone and ends.source.power.state(vm) is Power.RUNNING

    def broke(self) -> bool:
        """Whether any of them ended before the VM did: its copy may lack the last writes. Asked once it is off."""
        images, vm = self._move.ends.source.images, self._move.entry.vm
        told = [images.mirror_broke(vm, target) for target in self._targets]
        return self._missed or any(told)


def _mirrors(move: Move, cargo: Sequence[Cargo]) -> list[Mirror]:
    found = []
    for one in cargo:
        mirror = move.ends.source.images.mirrored(move.entry.vm, one.disk.target)
        if mirror is None:
            raise _broken(move, f"the mirror of {one.disk.target} broke")
        found.append(mirror)
    return found


def _broken(move: Move, what: str) -> MoveFailedError:
    return MoveFailedError(
        f"{what}; the guest was not touched",
        f"See whether {move.entry.source} reaches {move.entry.destination} on ports 49152-49215, and the space there; "
        "it is tried again.",
    )


class _Meter:
    """Reports how far the mirrors are, and gives up what stands still."""

    def __init__(self, move: Move) -> None:
        self._move = move
        self._began_ns = self._moved_ns = move.clock.monotonic_ns()
        self._processed_bytes = -1

    def saw(self, mirrors: Sequence[Mirror]) -> bool:
        """Whether all are ready. Raises MoveFailedError where nothing moves any more."""
        now_ns = self._move.clock.monotonic_ns()
        processed = sum(mirror.processed_bytes for mirror in mirrors)
        if processed != self._processed_bytes:
            self._processed_bytes, self._moved_ns = processed, now_ns
        if now_ns - self._moved_ns > _SILENT_S * _NS_PER_S:
            raise _broken(self._move, f"nothing was mirrored for {_SILENT_S:.0f} s")
        elapsed_s = max(1, now_ns - self._began_ns) / _NS_PER_S
        total = sum(mirror.total_bytes for mirror in mirrors)
        progress = DiskProgress(total_bytes=total, processed_bytes=processed, bytes_s=processed / elapsed_s)
        self._move.logbook.report("mirroring disks", progress)
        self._move.disk_bytes = processed
        return all(mirror.ready for mirror in mirrors)
