"""What a host says of its storage: plain values, no libvirt. Sizes are in bytes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSource:
    """What a storage pool's content comes from; what is empty has no meaning for its kind."""

    host: str = ""
    path: str = ""
    """The folder that the host exports."""
    device: str = ""
    """A disk, a partition, an iSCSI target's name."""
    name: str = ""
    """The volume group, or what rbd, gluster and zfs call their pools."""
    format: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """A storage pool."""

    name: str
    kind: str
    """dir, fs, netfs, logical, iscsi, …: libvirt's pool type."""
    active: bool
    target_path: str
    available_bytes: int
    source: PoolSource = PoolSource()
    origin: str = ""
    """The server and the place there that its content comes from, as it is defined; empty: the host itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeRef:
    """A storage volume's place on one host."""

    pool: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BackingImage:
    """What a layer lies over, as the layer itself names it."""

    path: str
    format: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """A storage volume."""

    ref: VolumeRef
    path: str
    format: str
    """raw, qcow2, …"""
    capacity_bytes: int
    """What the guest sees."""
    allocation_bytes: int
    """What it occupies."""
    physical_bytes: int
    """The file's length."""
    backing: bool = False
    """It is a layer over another volume."""
    over: BackingImage | None = None
    """Of a layer: over which."""
    block: bool = False
    """It is a block device, not a file."""


class DiskDevice(StrEnum):
    """What the guest sees a disk as."""

    DISK = "disk"
    CDROM = "cdrom"
    FLOPPY = "floppy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """A disk of a domain."""

    target: str
    """vda, sda, …"""
    device: DiskDevice
    source_kind: str
    """file, block, network, volume, or empty where nothing is inserted."""
    path: str
    """The file or device; for a network disk, PROTOCOL:NAME; may be empty."""
    format: str
    read_only: bool
    shareable: bool
    backing: bool
    """It has a backing chain."""
    volume: Volume | None
    """None: no storage pool of the host holds it."""
    cache: str = ""
    """QEMU's cache mode (none, writeback, …); empty: QEMU's default."""
    base: Volume | None = None
    """What its volume is a layer over; None: it is none, or no storage pool holds that."""
