"""Disks' content through libvirt's streams and this machine: file by file, byte by byte, where hosts have no SSH."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ferryman.migration.disks.volumes import copied
from ferryman.migration.errors import MoveFailedError, stopped
from ferryman.migration.logbook import DiskProgress
from ferryman.migration.move import Move
from ferryman.planning.plans import DiskPlan

_NS_PER_S = 1_000_000_000
_REPORT_EVERY_BYTES = 8 * 1024 * 1024


def copy(move: Move, disks: Sequence[DiskPlan]) -> None:
    """The disks' bytes, through this machine; what is a hole stays one. Raises FleetError, StoppedError."""
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
                raise stopped(self._move.entry.vm)
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
        self._move.logbook.report("copying disks", progress)
