"""A host's file as a model: `hosts/NAME.toml`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ferryman.specs.fields import Address, HypervisorUri, LocalPath, Name, PoolName, Port, UserName, uri_host
from ferryman.specs.spec_model import SpecModel


class SshSpec(SpecModel):
    """How ferryman itself reaches a host by SSH; what is absent comes from the URI and the user's SSH configuration."""

    user: UserName | None = None
    """The user to log in as."""
    port: Port | None = None
    """The SSH server's port."""
    identity_file: LocalPath | None = None
    """The private key to use; never asked for a passphrase."""
    known_hosts: LocalPath | None = None
    """The file that holds the host's public key; a host whose key is unknown is refused."""


class HostLimits(SpecModel):
    """Moves at a time, and how fast."""

    outgoing: Annotated[int, Field(ge=1, le=64)] = 1
    """Moves away from this host at a time."""
    incoming: Annotated[int, Field(ge=1, le=64)] = 1
    """Moves to this host at a time."""
    bandwidth_mib_s: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    """The most that one move may send, in MiB/s; 0: no cap."""
    links_mib_s: dict[Name, Annotated[int, Field(ge=1, le=1_000_000)]] = {}
    """The most that one move to or from a certain other host may send, in MiB/s: OTHER = CAP."""


class Capacity(SpecModel):
    """What a host keeps for itself."""

    reserve_memory_mib: Annotated[int, Field(ge=0, le=2**30)] = 512
    """Memory kept free for the host itself, in MiB."""


class ArrivalSpec(SpecModel):
    """What VMs that come to this host use instead of what they had: NAME THERE = NAME HERE."""

    pools: dict[PoolName, PoolName] = {}
    """Storage pools; a VM's own `[storage] pools` come first."""
    bridges: dict[str, str] = {}
    """Bridges that interfaces join."""
    networks: dict[str, str] = {}
    """libvirt networks that interfaces join."""


class HostSpec(SpecModel):
    """One libvirt host: `hosts/NAME.toml`."""

    name: Name
    """The host's name; equals the file's name."""
    uri: HypervisorUri
    """How ferryman reaches the host's libvirtd: qemu+ssh://USER@HOST/system or qemu+tcp://HOST/system."""
    peer_uri: HypervisorUri | None = None
    """How the other hosts' libvirtd reaches this one; default: `uri`."""
    migration_address: Address | None = None
    """Where the other hosts send memory and disks; default: the host in `peer_uri`, else in `uri`."""
    maintenance: bool = False
    """True: the host is evacuated and kept empty until this is taken back."""
    labels: dict[str, str] = {}
    """Free text for people and tools."""
    ssh: SshSpec = SshSpec()
    limits: HostLimits = HostLimits()
    capacity: Capacity = Capacity()
    arrivals: ArrivalSpec = ArrivalSpec()

    @property
    def effective_peer_uri(self) -> str:
        """How the other hosts' libvirtd reaches this one."""
        return self.peer_uri or self.uri

    @property
    def effective_migration_address(self) -> str:
        """Where the other hosts send memory and disks."""
        return self.migration_address or uri_host(self.effective_peer_uri)
