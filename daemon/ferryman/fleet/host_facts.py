"""What only a command on the host itself can tell: plain values. Every fact may be unknown, and says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

MIGRATION_PORTS = range(49152, 49216)
"""Where libvirt has QEMU listen for memory and disks (qemu.conf: `migration_port_min`, `migration_port_max`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """Another host of the fleet, as this one's libvirtd and QEMU reach it."""

    name: str
    uri: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """A host's clock against that of the machine that asked."""

    ahead_ms: int
    error_ms: int
    """The truth is within this of `ahead_ms`: half of what the asking took."""


class Reach(StrEnum):
    """Whether one host reaches another."""

    REACHED = "reached"
    FAILED = "failed"
    UNKNOWN = "unknown"
    """It could not be tried as the user that libvirtd runs as."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerFacts:
    """The way from one host to another."""

    uri: str = ""
    """Its libvirtd's, as it was tried."""
    libvirtd: Reach = Reach.UNKNOWN
    says: str = ""
    """FAILED only: what virsh said."""
    closed_ports: tuple[int, ...] | None = None
    """Migration ports that do not answer from here; None: not tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A storage pool's folder."""

    file_system: str = ""
    """Its kind (ext4, nfs4, …); empty: unknown."""
    open_to_qemu: bool | None = None
    """QEMU's user gets at what is in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFacts:
    """One host from within. What is None could not be found out."""

    host: str
    by_ssh: bool = False
    """False: the host is not reached by SSH, and nothing is known."""
    user: str | None = None
    """Whom ferryman logs in as."""
    acts_as_root: bool | None = None
    """That user is root, or has passwordless sudo."""
    groups: frozenset[str] | None = None
    clock: Clock | None = None
    stp_bridges: frozenset[str] | None = None
    """Bridges with spanning tree on."""
    unprivileged_userfaultfd: bool | None = None
    qemu_user: str | None = None
    folders: Mapping[str, Folder] = field(default_factory=dict)
    """By path."""
    peers: Mapping[str, PeerFacts] = field(default_factory=dict)
    """By host."""

    def peer(self, name: str) -> PeerFacts:
        """The way to another host; unknown where it was not asked about."""
        return self.peers.get(name, PeerFacts())


def nothing_known(host: str) -> HostFacts:
    """Of a host that could not be asked."""
    return HostFacts(host=host)
