"""The storage of one host, through libvirt's storage API."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import PurePosixPath
from xml.etree import ElementTree as ET

import libvirt

from ferryman.fleet.errors import FailureKind, OperationFailedError
from ferryman.fleet.libvirt_adapter.session import LibvirtSession
from ferryman.fleet.storage import BackingImage, Volume, VolumeRef
from ferryman.fleet.xml.domain import XmlDisk

_CHUNK_BYTES = 4 * 1024 * 1024
_AT_HOLE = -3
"""What recvFlags returns where VIR_STREAM_RECV_STOP_AT_HOLE stopped it."""
_FILE_EXISTS = ("already exists", "File exists")
"""Seen with libvirt 9.0: "volume target path '...' already exists", as OPERATION_INVALID; and EEXIST's own words."""


class LibvirtVolumes:
    """`Volumes` by libvirt."""

    def __init__(self, session: LibvirtSession) -> None:
        self._session = session

    def find(self, ref: VolumeRef, *, closely: bool = False) -> Volume | None:
        """The volume, or None where the pool answers that there is none."""
        with self._session.connection(f"looking up volume {ref.pool}/{ref.name}") as connection:
            found = find_volume(connection, ref)
        if found is None or found.block or not closely:
            return found
        # libvirt takes whatever lies in a pool of type dir for a file.
        return replace(
            found, block=bool(self._session.run(["sh", "-c", '[ -b "$1" ] && echo block', "sh", found.path]))
        )

    def create(
        self,
        ref: VolumeRef,
        *,
        format: str,  # noqa: A002 - libvirt's word
        capacity_bytes: int,
        over: BackingImage | None = None,
    ) -> Volume:
        """Create an empty volume of exactly this virtual size; sparse, but for a logical volume."""
        with self._session.connection(f"creating volume {ref.pool}/{ref.name}") as connection:
            pool = connection.storagePoolLookupByName(ref.pool)
            logical = ET.fromstring(pool.XMLDesc()).get("type") == "logical"
            xml = _volume_xml(
                ref.name, format, capacity_bytes, allocation_bytes=capacity_bytes if logical else 0, over=over
            )
            return _volume(_created(pool, xml, ref), ref.pool)

    def delete(self, ref: VolumeRef) -> None:
        """Delete a volume. No such volume is no error."""
        with self._session.connection(f"deleting volume {ref.pool}/{ref.name}") as connection:
            volume = _lookup(connection, ref)
            if volume is not None:
                volume.delete()

    @contextmanager
    def download(self, ref: VolumeRef) -> Iterator[StreamReader]:
        """Read a volume's bytes, holes known as holes."""
        with self._session.connection(f"reading volume {ref.pool}/{ref.name}") as connection:
            stream = connection.newStream()
            volume = _require(connection, ref)
            volume.download(stream, 0, 0, libvirt.VIR_STORAGE_VOL_DOWNLOAD_SPARSE_STREAM)
            try:
                yield StreamReader(stream)
                stream.finish()
            except BaseException:
                stream.abort()
                raise

    def upload(self, ref: VolumeRef, runs: Iterator[bytes | int]) -> None:
        """Write a volume's bytes; holes stay holes. Returns when all is written."""
        with self._session.connection(f"writing volume {ref.pool}/{ref.name}") as connection:
            stream = connection.newStream()
            _require(connection, ref).upload(stream, 0, 0, libvirt.VIR_STORAGE_VOL_UPLOAD_SPARSE_STREAM)
            try:
                for run in runs:
                    _send(stream, run)
                stream.finish()
            except BaseException:
                stream.abort()
                raise


class StreamReader:
    """A download under way."""

    def __init__(self, stream: libvirt.virStream) -> None:
        self._stream = stream

    def runs(self) -> Iterator[bytes | int]:
        """Bytes are data, an int is a hole of that many bytes."""
        while True:
            got = self._stream.recvFlags(_CHUNK_BYTES, libvirt.VIR_STREAM_RECV_STOP_AT_HOLE)
            if got == _AT_HOLE:
                yield int(self._stream.recvHole())
            elif got == b"":
                return
            else:
                yield got


def _created(pool: libvirt.virStoragePool, xml: str, ref: VolumeRef) -> libvirt.virStorageVol:
    """Only of a volume in the pool's listing does libvirt say by its code that it exists; the listing may be old."""
    try:
        return pool.createXML(xml)
    except libvirt.libvirtError as error:
        message = error.get_error_message() or ""
        if not any(words in message for words in _FILE_EXISTS):
            raise
        raise OperationFailedError(
            FailureKind.EXISTS, f"creating volume {ref.pool}/{ref.name}: {message}", f"virsh pool-refresh {ref.pool}"
        ) from error


def find_volume(connection: libvirt.virConnect, ref: VolumeRef) -> Volume | None:
    """The volume, after a fresh look through its pool. Raises libvirtError, also for an unknown pool."""
    volume = _lookup(connection, ref)
    return None if volume is None else _volume(volume, ref.pool)


def refresh(pool: libvirt.virStoragePool) -> None:
    """Look through a pool afresh; one that is busy keeps the listing that it has."""
    try:
        pool.refresh()
    except libvirt.libvirtError:
        return  # "pool has asynchronous jobs running": an upload or a migration holds it


def volume_at(connection: libvirt.virConnect, disk: XmlDisk) -> Volume | None:
    """The pool volume behind a disk; None where no active pool holds it. Raises libvirtError."""
    if disk.source_kind == "volume":
        return find_volume(connection, VolumeRef(pool=disk.pool, name=disk.volume))
    return volume_by_path(connection, disk.path)


def volume_by_path(connection: libvirt.virConnect, path: str) -> Volume | None:
    """The pool volume at a path; None where no active pool holds it. Raises libvirtError."""
    found = _by_path(connection, path)
    if found is None and (pool := _pool_over(connection, path)) is not None:
        refresh(pool)
        found = _by_path(connection, path)
    return None if found is None else _volume(found, found.storagePoolLookupByVolume().name())


def _by_path(connection: libvirt.virConnect, path: str) -> libvirt.virStorageVol | None:
    try:
        return connection.storageVolLookupByPath(path)
    except libvirt.libvirtError as error:
        if error.get_error_code() == libvirt.VIR_ERR_NO_STORAGE_VOL:
            return None
        raise


def _pool_over(connection: libvirt.virConnect, path: str) -> libvirt.virStoragePool | None:
    try:
        return connection.storagePoolLookupByTargetPath(str(PurePosixPath(path).parent))
    except libvirt.libvirtError as error:
        if error.get_error_code() == libvirt.VIR_ERR_NO_STORAGE_POOL:
            return None
        raise


def _lookup(connection: libvirt.virConnect, ref: VolumeRef) -> libvirt.virStorageVol | None:
    pool = connection.storagePoolLookupByName(ref.pool)
    refresh(pool)
    try:
        return pool.storageVolLookupByName(ref.name)
    except libvirt.libvirtError as error:
        if error.get_error_code() == libvirt.VIR_ERR_NO_STORAGE_VOL:
            return None
        raise


def _require(connection: libvirt.virConnect, ref: VolumeRef) -> libvirt.virStorageVol:
    volume = _lookup(connection, ref)
    if volume is None:
        raise OperationFailedError(
            FailureKind.NOT_FOUND,
            f"pool {ref.pool} has no volume {ref.name}",
            f"virsh vol-list {ref.pool}",
        )
    return volume


def _volume(volume: libvirt.virStorageVol, pool: str) -> Volume:
    root = ET.fromstring(volume.XMLDesc())
    format_node = root.find("./target/format")
    kind, capacity, allocation = volume.info()
    physical = volume.infoFlags(libvirt.VIR_STORAGE_VOL_GET_PHYSICAL)[2]
    return Volume(
        ref=VolumeRef(pool=pool, name=volume.name()),
        path=volume.path(),
        format="raw" if format_node is None else format_node.get("type", "raw"),
        capacity_bytes=capacity,
        allocation_bytes=allocation,
        physical_bytes=physical,
        backing=root.find("./backingStore/path") is not None,
        over=_over(root),
        block=kind == libvirt.VIR_STORAGE_VOL_BLOCK,
    )


def _over(root: ET.Element) -> BackingImage | None:
    path, image_format = root.findtext("./backingStore/path"), root.find("./backingStore/format")
    if not path:
        return None
    return BackingImage(path=path, format="raw" if image_format is None else image_format.get("type", "raw"))


def _volume_xml(
    name: str, image_format: str, capacity_bytes: int, *, allocation_bytes: int, over: BackingImage | None
) -> str:
    """A logical volume of which less is allocated than its capacity would be a snapshot, to libvirt."""
    root = ET.Element("volume")
    ET.SubElement(root, "name").text = name
    ET.SubElement(root, "capacity", unit="bytes").text = str(capacity_bytes)
    ET.SubElement(root, "allocation", unit="bytes").text = str(allocation_bytes)
    ET.SubElement(ET.SubElement(root, "target"), "format", type=image_format)
    if over is not None:
        store = ET.SubElement(root, "backingStore")
        ET.SubElement(store, "path").text = over.path
        ET.SubElement(store, "format", type=over.format)
    return ET.tostring(root, encoding="unicode")


def _send(stream: libvirt.virStream, run: bytes | int) -> None:
    if isinstance(run, int):
        stream.sendHole(run)
        return
    view = memoryview(run)
    while view:
        sent = stream.send(bytes(view[:_CHUNK_BYTES]))
        view = view[sent:]
