"""What planning must know of each kind of storage pool: one row for each of libvirt's pool types. Values only."""

from __future__ import annotations

from dataclasses import dataclass

from ferryman.fleet.xml.adapting import SourceKind


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolTraits:
    """A kind of pool. The defaults are those of files in a folder of one host, which take room as they grow."""

    shared: bool = False
    """Its content lies beyond any one host, so two hosts may well have the same."""
    device: bool = False
    """Its volumes are block devices of the host."""
    raw_only: bool = False
    """Its volumes have no image format of their own."""
    takes_whole_size: bool = False
    """A new volume takes all of its size at once."""
    whole_extents: bool = False
    """Sizes are multiples of LVM's extents."""

    @property
    def source_kind(self) -> SourceKind:
        """How a domain names one of its volumes."""
        return SourceKind.BLOCK if self.device else SourceKind.FILE


FILES = PoolTraits()
KINDS = {
    "dir": FILES,
    "fs": FILES,
    "netfs": PoolTraits(shared=True),
    "gluster": PoolTraits(shared=True),
    "vstorage": PoolTraits(shared=True),
    "logical": PoolTraits(device=True, raw_only=True, takes_whole_size=True, whole_extents=True),
    "disk": PoolTraits(device=True, raw_only=True, takes_whole_size=True),
    "scsi": PoolTraits(device=True, raw_only=True),
    "mpath": PoolTraits(device=True, raw_only=True),
    # libvirt makes sparse volumes in it, as ferryman asks for.
    "zfs": PoolTraits(device=True, raw_only=True),
    "iscsi": PoolTraits(shared=True, device=True, raw_only=True),
    # QEMU reaches these over the network by itself; a host has no device for them.
    "iscsi-direct": PoolTraits(shared=True, raw_only=True),
    "rbd": PoolTraits(shared=True, raw_only=True),
    "sheepdog": PoolTraits(shared=True, raw_only=True),
}
"""By libvirt's name of the pool type."""


def traits(kind: str) -> PoolTraits:
    """Of a kind that libvirt may come to know one day, no more is taken for granted than of a folder."""
    return KINDS.get(kind, FILES)
