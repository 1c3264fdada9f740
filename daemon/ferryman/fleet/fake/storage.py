"""A fake host's pools and volumes: sparse content, known run by run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from ferryman.fleet.errors import FailureKind
from ferryman.fleet.fake.faults import Faults, Operation, refused
from ferryman.fleet.fake.violations import Violations
from ferryman.fleet.storage import BackingImage, Pool, PoolSource, Volume, VolumeRef

Runs = tuple[bytes | int, ...]
"""Bytes are data, an int is a hole of that many bytes."""

QCOW2_MAGIC = b"QFI\xfb"
_QCOW2_SIZE_AT = 24
_QCOW2_EMPTY_BYTES = 196_616
_TAKES_NONE = frozenset({"iscsi", "iscsi-direct", "scsi", "mpath", "gluster"})
"""Kinds in which libvirt creates no volumes: whoever exports them does."""


@dataclass(slots=True, kw_only=True)
class FakeVolume:
    """A volume's bytes, as they lie in its file."""

    content: Runs
    over: BackingImage | None = None
    device: bool = False
    """It is a block device, although its pool lists it as a file."""
    written: list[Callable[[], None]] = field(default_factory=list, repr=False, compare=False)
    """Told after `write`."""

    def write(self, content: Runs) -> None:
        """As the guest does."""
        self.content = content
        for told in self.written:
            told()

    def described(self, ref: VolumeRef, path: str) -> Volume:
        """What libvirt would say of it; the format is found out by its first bytes, as libvirt does."""
        first = self.content[0] if self.content else 0
        qcow2 = isinstance(first, bytes) and first.startswith(QCOW2_MAGIC)
        length = length_of(self.content)
        header = first if isinstance(first, bytes) else b""
        return Volume(
            ref=ref,
            path=path,
            format="qcow2" if qcow2 else "raw",
            capacity_bytes=int.from_bytes(header[_QCOW2_SIZE_AT : _QCOW2_SIZE_AT + 8]) if qcow2 else length,
            allocation_bytes=sum(len(run) for run in self.content if isinstance(run, bytes)),
            physical_bytes=length,
            backing=self.over is not None,
            over=self.over,
        )


@dataclass(slots=True, kw_only=True)
class FakePool:
    """A pool. Two hosts that are given the same one share it."""

    kind: str = "dir"
    active: bool = True
    target_path: str = "/var/lib/libvirt/images"
    source: PoolSource = field(default_factory=PoolSource)
    size_bytes: int = 64 * 1024**3
    origin: str = ""
    volumes: dict[str, FakeVolume] = field(default_factory=dict)

    def described(self, name: str) -> Pool:
        """What libvirt would say of it."""
        used = sum(
            volume.described(VolumeRef(pool="", name=""), "").allocation_bytes for volume in self.volumes.values()
        )
        return Pool(
            name=name,
            kind=self.kind,
            active=self.active,
            target_path=self.target_path,
            available_bytes=self.size_bytes - used,
            source=self.source,
            origin=self.origin,
        )


class FakeReader:
    """A download under way."""

    def __init__(self, content: Runs) -> None:
        self._content = content

    def runs(self) -> Iterator[bytes | int]:
        """Bytes are data, an int is a hole of that many bytes."""
        yield from self._content


class FakeVolumes:
    """`Volumes` in memory."""

    def __init__(self, faults: Faults, pools: dict[str, FakePool], violations: Violations) -> None:
        self.pools = pools
        self._faults = faults
        self._violations = violations

    def find(self, ref: VolumeRef, *, closely: bool = False) -> Volume | None:
        """The volume, or None where the pool answers that there is none."""
        with self._faults.call(Operation.FIND, _named(ref)):
            return self.at(ref, closely=closely)

    def create(
        self,
        ref: VolumeRef,
        *,
        format: str,  # noqa: A002 - libvirt's word
        capacity_bytes: int,
        over: BackingImage | None = None,
    ) -> Volume:
        """Create an empty, sparse volume."""
        with self._faults.call(Operation.CREATE, _named(ref)):
            pool = self._usable(ref)
            if pool.kind in _TAKES_NONE:
                raise refused(FailureKind.OTHER, "storage pool does not support volume creation")
            if ref.name in pool.volumes:
                raise refused(FailureKind.EXISTS, f"storage volume {ref.name} exists already")
            if over is not None and (format != "qcow2" or self.by_path(over.path) is None):
                raise refused(FailureKind.NOT_FOUND, f"{ref.name} cannot be a layer over {over.path}")
            pool.volumes[ref.name] = FakeVolume(content=empty(format, capacity_bytes), over=over)
            return self._require(ref)

    def delete(self, ref: VolumeRef) -> None:
        """Delete a volume. No such volume is no error."""
        with self._faults.call(Operation.DELETE, _named(ref)):
            pool = self._usable(ref)
            volume = pool.volumes.get(ref.name)
            if volume is not None:
                self._violations.deleting(volume)
                del pool.volumes[ref.name]

    @contextmanager
    def download(self, ref: VolumeRef) -> Iterator[FakeReader]:
        """Read a volume's bytes, holes known as holes."""
        with self._faults.call(Operation.DOWNLOAD, _named(ref)):
            self._require(ref)
            content = self.pools[ref.pool].volumes[ref.name].content
        yield FakeReader(content)

    def upload(self, ref: VolumeRef, runs: Iterator[bytes | int]) -> None:
        """Write a volume's bytes; what lies beyond them stays. A source that fails leaves what came by then."""
        with self._faults.call(Operation.UPLOAD, _named(ref)):
            self._require(ref)
            volume = self.pools[ref.pool].volumes[ref.name]
            arrived: list[bytes | int] = []
            try:
                arrived.extend(runs)
            finally:
                volume.content = _overwritten(volume.content, arrived)

    def at(self, ref: VolumeRef, *, closely: bool = False) -> Volume | None:
        """`find`, without a call's frame."""
        pool = self._usable(ref)
        volume = pool.volumes.get(ref.name)
        if volume is None:
            return None
        described = volume.described(ref, f"{pool.target_path}/{ref.name}")
        return replace(described, block=closely and volume.device)

    def by_path(self, path: str) -> Volume | None:
        """The volume of an active pool with this path."""
        return next((volume for volume in self._all() if volume.path == path), None)

    def stored(self, path: str) -> FakeVolume | None:
        """The content behind a path."""
        volume = self.by_path(path)
        return None if volume is None else self.pools[volume.ref.pool].volumes[volume.ref.name]

    def _all(self) -> Iterator[Volume]:
        for pool_name, pool in self.pools.items():
            for name in pool.volumes if pool.active else ():
                yield self._require(VolumeRef(pool=pool_name, name=name))

    def _usable(self, ref: VolumeRef) -> FakePool:
        pool = self.pools.get(ref.pool)
        if pool is None:
            raise refused(FailureKind.NOT_FOUND, f"no storage pool {ref.pool}")
        if not pool.active:
            raise refused(FailureKind.OTHER, f"storage pool {ref.pool} is not active")
        return pool

    def _require(self, ref: VolumeRef) -> Volume:
        volume = self.at(ref)
        if volume is None:
            raise refused(FailureKind.NOT_FOUND, f"no storage volume {ref.name} in {ref.pool}")
        return volume


def empty(image_format: str, capacity_bytes: int) -> Runs:
    """What a fresh image of this format holds."""
    match image_format:
        case "raw":
            return (capacity_bytes,)
        case "qcow2":
            header = QCOW2_MAGIC.ljust(_QCOW2_SIZE_AT, b"\0") + capacity_bytes.to_bytes(8)
            return (header, _QCOW2_EMPTY_BYTES - len(header))
        case _:
            raise refused(FailureKind.OTHER, f"unknown volume format {image_format}")


def length_of(content: Iterable[bytes | int]) -> int:
    """Data and holes together, in bytes."""
    return sum(run if isinstance(run, int) else len(run) for run in content)


def _overwritten(before: Runs, arrived: list[bytes | int]) -> Runs:
    """The new runs, and of the old ones what lies beyond them."""
    skip = length_of(arrived)
    after = list(arrived)
    for run in before:
        length = length_of((run,))
        if skip < length:
            after.append(run - skip if isinstance(run, int) else run[skip:])
        skip = max(0, skip - length)
    return tuple(after)


def _named(ref: VolumeRef) -> str:
    return f"{ref.pool}/{ref.name}"
