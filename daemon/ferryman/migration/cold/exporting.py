"""Disks' content from host to host: the destination serves its volumes, the source writes into them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from ferryman.fleet.images import Export, Image
from ferryman.migration.disks.volumes import Ready, copied
from ferryman.migration.errors import MoveFailedError, stopped
from ferryman.migration.logbook import DiskProgress
from ferryman.migration.move import Move
from ferryman.planning.plans import DiskPlan

_NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Cargo:
    """A disk, and where its content goes."""

    disk: DiskPlan
    export: Export

    @property
    def image(self) -> Image:
        """At the source."""
        return Image(path=self.disk.source.path, format=self.disk.source.format)


@contextmanager
def serving(
    move: Move, disks: Sequence[DiskPlan], ready: Ready, *, address: str, tls_name: str
) -> Iterator[tuple[Cargo, ...]]:
    """Every copied disk's volume is served at the destination; after the block, what was written is on its disk."""
    with ExitStack() as stack:
        cargo = []
        for disk in copied(disks):
            there = Image(path=ready[disk.target].path, format=disk.format)
            name = f"{move.entry.id}-{disk.target}"
            served = move.ends.destination.images.serve(there, name=name, address=address, tls_name=tls_name)
            export = stack.enter_context(served)
            cargo.append(Cargo(disk=disk, export=export))
        yield tuple(cargo)


def reach(move: Move, cargo: Sequence[Cargo]) -> None:
    """See that the source reaches every export, while nothing has come of it yet. Raises FleetError."""
    for one in cargo:
        move.ends.source.images.reach(one.export)


def copy(move: Move, cargo: Sequence[Cargo], bandwidth_mib_s: int) -> None:
    """Copy images that nobody writes. Raises FleetError."""
    for one in cargo:
        told = _Meter(move, "copying disks", one.disk).told
        move.ends.source.images.copy(one.image, one.export, bandwidth_mib_s=bandwidth_mib_s, told=told)


def verify(move: Move, cargo: Sequence[Cargo]) -> None:
    """Compare what the guest would see. Raises FleetError, MoveFailedError for the first disk that differs."""
    for one in cargo:
        told = _Meter(move, "comparing disks", one.disk).told
        if not move.ends.source.images.same(one.image, one.export, told=told):
            raise MoveFailedError(
                f"{one.disk.target}: what arrived at {move.entry.destination} differs from what was sent",
                f"Check memory, disks and the kernel's log of {move.entry.destination}; it is tried again.",
            )


class _Meter:
    """Reports one disk's share that is done, and ends the work when the daemon stops."""

    def __init__(self, move: Move, phase: str, disk: DiskPlan) -> None:
        self._move = move
        self._phase = phase
        self._total_bytes = disk.source.capacity_bytes
        self._began_ns = move.clock.monotonic_ns()

    @property
    def told(self) -> Callable[[float], None]:
        """For the images' calls."""
        return self._told

    def _told(self, share: float) -> None:
        if self._move.stop.is_set():
            raise stopped(self._move.entry.vm)
        done = int(share * self._total_bytes)
        elapsed_s = max(1, self._move.clock.monotonic_ns() - self._began_ns) / _NS_PER_S
        progress = DiskProgress(total_bytes=self._total_bytes, processed_bytes=done, bytes_s=done / elapsed_s)
        self._move.logbook.report(self._phase, progress)
