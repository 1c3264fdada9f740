"""What a reading of a host says: plain values, no libvirt. Sizes are in bytes or MiB as the name says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ferryman.fleet.certificates import Certificates
from ferryman.fleet.machine import IDLE, UNKNOWN_NEEDS, DomainJob, MachineNeeds
from ferryman.fleet.ownership import Owner
from ferryman.fleet.storage import Disk, Pool, Volume, VolumeRef
from ferryman.fleet.xml.live_obstacles import LiveObstacle


class Power(StrEnum):
    """A domain's state, as far as moving it cares."""

    RUNNING = "running"
    PAUSED = "paused"
    """Suspended by a person or by a failed migration; `Domain.migration_side` tells which."""
    SHUTTING_DOWN = "shutting-down"
    SHUT_OFF = "shut-off"
    CRASHED = "crashed"


class Off(StrEnum):
    """How a VM that is off came to be so."""

    UNKNOWN = "unknown"
    """It is not off; or nobody remembers: only just defined, or its host or the hypervisor was restarted since."""
    SHUT_DOWN = "shut-down"
    """Its guest powered itself off on this host, asked to or not."""
    ENDED = "ended"
    """Its QEMU ended on this host: somebody destroyed it, or it crashed."""
    LEFT = "left"
    """It was migrated away: it runs elsewhere, or did."""


class MigrationSide(StrEnum):
    """Whether a domain is one end of a migration that is under way or broke."""

    NONE = "none"
    OUTGOING = "outgoing"
    """A migration job is active on this, its source."""
    UNKNOWN = "unknown"
    """Its host does not say: libvirt waits for its QEMU, and whoever asks would wait with it."""
    INCOMING = "incoming"
    """This is the destination's paused copy; it has never run here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """One VM as its host lists it; cheap to read for every VM of a host at once."""

    name: str
    uuid: str
    power: Power
    memory_mib: int
    """The most it may use."""
    persistent: bool
    migration_side: MigrationSide = MigrationSide.NONE
    post_copy: bool = False
    """One end of a post-copy migration that is under way or broke: neither end alone has the whole of its memory."""
    off: Off = Off.UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class HostReading:
    """One host, read in one go."""

    host: str
    hostname: str
    uuid: str
    """The hypervisor's own host UUID: two specs with one UUID are the same machine."""
    libvirt_version: int
    hypervisor_version: int
    architecture: str
    memory_mib: int
    domains: Mapping[str, Domain] = field(default_factory=dict)
    certificates: Certificates | None = None
    """For migration under TLS; None: not known whether it has any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreachable:
    """A host that could not be read: nothing is known of it, least of all that a VM is absent."""

    host: str
    reason: str
    remedy: str
    resting: bool = False
    """It failed again and again, and is called only now and then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Every host of the fleet at one look."""

    hosts: Mapping[str, HostReading | Unreachable]

    def reading(self, host: str) -> HostReading | None:
        """The host's reading, or None where it is unreachable or unknown."""
        found = self.hosts.get(host)
        return found if isinstance(found, HostReading) else None

    def holders(self, vm: str) -> dict[str, Domain]:
        """The readable hosts that know a domain of this name."""
        return {
            name: reading.domains[vm]
            for name, reading in self.hosts.items()
            if isinstance(reading, HostReading) and vm in reading.domains
        }

    def unreachable(self) -> dict[str, Unreachable]:
        """The hosts that could not be read."""
        return {name: reading for name, reading in self.hosts.items() if isinstance(reading, Unreachable)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """A network interface of a domain."""

    mac: str
    kind: str
    """bridge, network, …"""
    source: str
    """The bridge's or the network's name; of kind direct (macvtap), the host's own interface."""
    virtual_port: str = ""
    """The kind of switch that it is a port of (openvswitch, …); empty: a bridge of the kernel's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainDetail:
    """All that planning needs of one VM, read from its source only when it is to move."""

    domain: Domain
    disks: tuple[Disk, ...]
    interfaces: tuple[Interface, ...]
    autostart: bool
    machine: str
    virtualization: str
    """libvirt's domain type: kvm, or qemu where the processor is emulated."""
    xml: str
    """The persistent definition, secure parts included: what a cold move defines at the destination."""
    snapshots: int
    checkpoints: int = 0
    host_devices: int
    live_obstacles: tuple[LiveObstacle, ...] = ()
    """What keeps it from being migrated while it runs."""
    managed_save: bool = False
    """It is off with its memory saved: its next start goes on from there."""
    addresses: tuple[str, ...]
    """From the guest agent, DHCP leases or the host's ARP table; best first."""
    needs: MachineNeeds = UNKNOWN_NEEDS
    job: DomainJob = IDLE
    """What it is busy with now."""
    owner: Owner | None = None
    """Who moves it, by its metadata."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DirtyRate:
    """How fast a guest was seen to write to its memory."""

    bytes_s: int
    """Distinct pages that changed within a second, in bytes. A page that is written again and again counts once."""
    watched_bytes: int = 0
    """Distinct pages that changed within `watched_s`: fewer than so many times `bytes_s`, where it writes to the same
    ones (its writable working set: Clark et al., Live Migration of Virtual Machines, NSDI 2005)."""
    watched_s: float = 1.0

    def written_bytes(self, for_s: float) -> float:
        """Distinct pages that change within so many seconds, in bytes; after `watched_s` as in its later part.

        Example: 30 MiB in a second, 42 in four: 4 a second once it writes again to what it wrote before, and so 58 in
        eight seconds.
        """
        if for_s <= 1.0 or self.watched_s <= 1.0:
            return self.bytes_s * for_s
        anew = max(0, self.watched_bytes - self.bytes_s) / (self.watched_s - 1.0)
        return self.bytes_s + anew * (for_s - 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class HostDetail:
    """What planning needs of a destination."""

    reading: HostReading
    pools: Mapping[str, Pool]
    volumes: Mapping[VolumeRef, Volume]
    """In the pools asked for."""
    images: Mapping[str, Volume] = field(default_factory=dict)
    """By path: those asked for that a pool holds."""
    disk_paths: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By VM, as `Domains.disk_paths`; read only where one of the volumes asked for exists."""
    bridges: frozenset[str] | None
    """The kernel's; None: could not be read."""
    links: frozenset[str] | None = None
    """Every network interface, bridges of all kinds included; None: could not be read."""
    networks: frozenset[str]
    """libvirt's networks that are active: only these can be joined."""
    idle_networks: frozenset[str] = frozenset()
    """Those that are defined and not active."""
    machines: frozenset[str]
    free_pages: Mapping[int, int] | None = None
    """Huge pages that nobody uses, by their size in KiB; None: its libvirt could not say."""
