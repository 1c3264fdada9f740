"""Disks' content between fake hosts: exports that all of them reach, mirrors that follow the source to its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from ferryman.fleet.certificates import Certificates
from ferryman.fleet.errors import FailureKind
from ferryman.fleet.fake.certificates import shake_hands
from ferryman.fleet.fake.faults import Faults, Operation, refused
from ferryman.fleet.fake.machine import Machine
from ferryman.fleet.fake.storage import FakeVolume, Runs, empty, length_of
from ferryman.fleet.images import Export, Image, Mirror
from ferryman.fleet.values import Power

_PORT = 49215


@dataclass(slots=True, kw_only=True)
class _Served:
    volume: FakeVolume
    format: str
    certificates: Certificates | None
    """Of the host that serves."""


@dataclass(slots=True)
class Exports:
    """What the fleet's hosts serve now, by name."""

    served: dict[str, _Served] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class _Following:
    source: FakeVolume
    format: str
    export: str
    looks: int = 0


class FakeImages:
    """`Images` in memory."""

    def __init__(self, faults: Faults, machine: Machine, exports: Exports) -> None:
        self.broken: set[tuple[str, str]] = set()
        """Mirrors that a test lets end early: from then on nothing more of the VM's writes arrives."""
        self.stalled = False
        """Nobody takes what is mirrored, and no connection breaks."""
        self.caps_mib_s: list[int] = []
        """Of the mirrors and copies begun so far."""
        self._faults = faults
        self._domains = machine.domains
        self._volumes = machine.volumes
        self._certificates = machine.certificates
        self._exports = exports
        self._mirrors: dict[tuple[str, str], _Following] = {}

    @contextmanager
    def serve(self, image: Image, *, name: str, address: str, tls_name: str = "") -> Iterator[Export]:
        """Serve an image to be written, until the block ends."""
        with self._faults.call(Operation.SERVE, image.path):
            own = self._certificates()
            if tls_name and (own is None or own.server is None):
                raise refused(FailureKind.OTHER, f"{name}: no certificates to serve it with")
            self._exports.served[name] = _Served(volume=self._stored(image), format=image.format, certificates=own)
        try:
            yield Export(address=address, port=_PORT, name=name, tls_name=tls_name)
        finally:
            del self._exports.served[name]

    def mirror(self, vm: str, target: str, export: Export, *, bandwidth_mib_s: int) -> None:
        """Begin to mirror a running VM's disk."""
        with self._faults.call(Operation.MIRROR, vm):
            self.caps_mib_s.append(bandwidth_mib_s)
            domain = self._domains.require(vm)
            if domain.power is not Power.RUNNING:
                raise refused(FailureKind.OTHER, f"{vm} is not running")
            disk = next(disk for disk in self._domains.files(domain) if disk.target == target)
            source = self._stored(Image(path=disk.path, format=disk.format))
            self._served(export)
            self.broken.discard((vm, target))
            self._mirrors[vm, target] = _Following(source=source, format=disk.format, export=export.name)
            source.written.append(lambda: self._follow(vm, target))

    def mirrored(self, vm: str, target: str) -> Mirror | None:
        """How far it is: ready at the second look."""
        with self._faults.call(Operation.MIRRORED, vm):
            following = self._mirrors.get((vm, target))
            if following is None or (vm, target) in self.broken or self._domains.require(vm).power is Power.SHUT_OFF:
                return None
            if self.stalled:
                total = length_of(following.source.content)
                return Mirror(total_bytes=total, processed_bytes=total // 2, ready=False)
            self._follow(vm, target)
            following.looks += 1
            total = length_of(following.source.content)
            ready = following.looks > 1
            return Mirror(total_bytes=total, processed_bytes=total if ready else total // 2, ready=ready)

    def mirror_broke(self, vm: str, target: str) -> bool:
        """Whether it ended before the VM did."""
        with self._faults.call(Operation.MIRROR_BROKE, vm):
            return (vm, target) in self.broken

    def cancel_mirror(self, vm: str, target: str) -> None:
        """End it."""
        with self._faults.call(Operation.CANCEL_MIRROR, vm):
            self._mirrors.pop((vm, target), None)
            self.broken.discard((vm, target))

    def somebody_aborts(self, vm: str, target: str) -> None:
        """Somebody ends the block job of a VM: its guest goes on without; nothing where there is none."""
        domain = self._domains.known.get(vm)
        if self._mirrors.pop((vm, target), None) is not None and domain and domain.power is not Power.SHUT_OFF:
            self.broken.add((vm, target))

    def reach(self, export: Export) -> None:
        """Connect to an export once."""
        with self._faults.call(Operation.REACH, export.uri):
            self._served(export)

    def copy(self, image: Image, export: Export, *, bandwidth_mib_s: int, told: Callable[[float], None]) -> None:
        """Copy an image that nobody writes."""
        with self._faults.call(Operation.COPY, image.path):
            self.caps_mib_s.append(bandwidth_mib_s)
            source, there = self._stored(image), self._served(export)
        told(0.5)
        there.volume.content = converted(source.content, image.format, there.format)
        told(1.0)

    def same(self, image: Image, export: Export, *, told: Callable[[float], None]) -> bool:
        """Whether the guest would see the same in both."""
        with self._faults.call(Operation.SAME, image.path):
            source, there = self._stored(image), self._served(export)
        told(1.0)
        return there.volume.content == converted(source.content, image.format, there.format)

    def _follow(self, vm: str, target: str) -> None:
        following = self._mirrors.get((vm, target))
        there = None if following is None else self._exports.served.get(following.export)
        if following is not None and there is not None and (vm, target) not in self.broken:
            there.volume.content = converted(following.source.content, following.format, there.format)

    def _served(self, export: Export) -> _Served:
        if export.name not in self._exports.served:
            raise refused(FailureKind.OTHER, f"{export.uri}: connection refused")
        served = self._exports.served[export.name]
        if export.tls_name:
            shake_hands(self._certificates(), served.certificates, export.tls_name)
        return served

    def _stored(self, image: Image) -> FakeVolume:
        volume = self._volumes.stored(image.path)
        if volume is None:
            raise refused(FailureKind.NOT_FOUND, f"cannot open {image.path}")
        return volume


def converted(content: Runs, from_format: str, to_format: str) -> Runs:
    """The same guest data in another format: with or without a header before it."""
    if from_format == to_format:
        return content
    if to_format == "raw":
        return content[len(empty(from_format, 0)) :]
    return (*empty(to_format, length_of(content)), *content)
