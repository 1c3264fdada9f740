"""The users' files as models: one fleet, its hosts, its VMs.

The text under a field is its description: `ferryman schema` hands it to editors.
"""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from ferryman.specs.fields import Address, HypervisorUri, LocalPath, Name, PoolName, Port, UserName, uri_host


class Method(StrEnum):
    """How a VM is moved."""

    AUTO = "auto"
    """The daemon chooses among the allowed methods and records why."""
    LIVE = "live"
    """Pre-copy: memory moves while the guest runs."""
    COLD = "cold"
    """The guest is shut down, its disks are copied, it is started again."""


class StorageMode(StrEnum):
    """How a VM's disks reach the destination."""

    AUTO = "auto"
    """Each disk is copied unless both hosts see the very same volume."""
    SHARED = "shared"
    """Both hosts see the same disks; nothing is copied."""
    COPY = "copy"
    """Every writable disk is copied."""


class DriftPolicy(StrEnum):
    """What to do when somebody else moved a VM."""

    REPORT = "report"
    """Say so, and leave it where it is."""
    CORRECT = "correct"
    """Move it back."""


def _distinct(items: tuple[str, ...]) -> tuple[str, ...]:
    """Twice the same is a slip."""
    twice = [item for item, count in Counter(items).items() if count > 1]
    if twice:
        raise ValueError(f"must not list {twice[0]} twice")
    return items


def _choices(methods: tuple[Method, ...]) -> tuple[Method, ...]:
    """What `auto` may choose, which is not itself."""
    if Method.AUTO in methods:
        raise ValueError("must not contain auto: it lists what auto may choose, such as live or cold")
    _distinct(methods)
    return methods


# TOML knows strings and arrays only: enums and tuples are what strict models must be told to convert.
Names = Annotated[
    tuple[Name, ...],
    Field(strict=False, json_schema_extra={"uniqueItems": True}),
    AfterValidator(_distinct),
]
Methods = Annotated[
    tuple[Annotated[Method, Field(strict=False)], ...],
    Field(strict=False, min_length=1, json_schema_extra={"uniqueItems": True}),
    AfterValidator(_choices),
]


class SpecModel(BaseModel):
    """Frozen; unknown keys are errors; values are never coerced."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True)


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


class Capacity(SpecModel):
    """What a host keeps for itself."""

    reserve_memory_mib: Annotated[int, Field(ge=0, le=2**30)] = 512
    """Memory kept free for the host itself, in MiB."""


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

    @property
    def effective_peer_uri(self) -> str:
        """How the other hosts' libvirtd reaches this one."""
        return self.peer_uri or self.uri

    @property
    def effective_migration_address(self) -> str:
        """Where the other hosts send memory and disks."""
        return self.migration_address or uri_host(self.effective_peer_uri)


class ProbeSpec(SpecModel):
    """What is probed from outside while a VM moves."""

    address: Address | None = None
    """The VM's address; default: found by guest agent, lease or ARP."""
    port: Port = 22
    """The TCP port of the service that the VM's users need."""
    interval_ms: Annotated[int, Field(ge=1, le=10_000)] = 10
    """Time between two probes: how finely downtime is measured."""


class StorageSpec(SpecModel):
    """How a VM's disks move."""

    mode: Annotated[StorageMode, Field(strict=False)] = StorageMode.AUTO
    """How the disks reach the destination."""
    pools: dict[PoolName, PoolName] = {}
    """Source pool = destination pool, where their names differ."""


class PlacementSpec(SpecModel):
    """Where a VM may stay while its home is in maintenance."""

    hosts: Names | None = None
    """The hosts it may stay on. Absent: any host of the fleet; empty: nowhere."""
    avoid: Names = ()
    """VMs that it must not share a host with."""
    priority: Annotated[int, Field(ge=-1000, le=1000)] = 0
    """Higher moves earlier."""


class ColdSpec(SpecModel):
    """How a VM is shut down for a cold move."""

    shutdown_timeout_s: Annotated[int, Field(ge=1, le=3600)] = 120
    """How long the guest may take; it is never switched off by force."""


class VmSettings(SpecModel):
    """What a VM's file and the fleet's `[defaults]` may both say."""

    method: Annotated[Method, Field(strict=False)] = Method.AUTO
    """How it is moved; `auto` chooses among `allow` and records why."""
    max_downtime_ms: Annotated[int, Field(ge=1, le=86_400_000)] | None = None
    """A promise: methods predicted to break it are refused beforehand. Absent: no promise."""
    allow: Methods = (Method.LIVE,)
    """What `auto` may choose. The VM is powered off only where cold is named here or in `method`."""
    drift: Annotated[DriftPolicy, Field(strict=False)] = DriftPolicy.REPORT
    """What to do when somebody else moved it."""
    suspend: bool = False
    """True: observed and reported, never moved."""
    probe: ProbeSpec = ProbeSpec()
    storage: StorageSpec = StorageSpec()
    placement: PlacementSpec = PlacementSpec()
    cold: ColdSpec = ColdSpec()


class VmSpec(VmSettings):
    """One VM: `vms/NAME.toml`."""

    name: Name
    """The VM's name in libvirt; equals the file's name."""
    host: Name
    """Its home: where it is wanted."""

    @model_validator(mode="after")
    def _avoids_others_only(self) -> Self:
        if self.name in self.placement.avoid:
            raise ValueError("placement.avoid must not contain the VM itself")
        return self


class FleetLimits(SpecModel):
    """How much may move at once in the whole fleet."""

    migrations: Annotated[int, Field(ge=1, le=1000)] = 4
    """Moves at a time."""


class RetrySpec(SpecModel):
    """How long a failed move waits before the next attempt: doubling from first to most."""

    first_s: Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)] = 5
    """After the first failure, in seconds."""
    most_s: Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)] = 600
    """Never longer than this, in seconds."""

    @model_validator(mode="after")
    def _grows(self) -> Self:
        if self.most_s < self.first_s:
            raise ValueError(f"most_s ({self.most_s:g}) must not be less than first_s ({self.first_s:g})")
        return self


class FleetSpec(SpecModel):
    """The whole fleet: `fleet.toml`."""

    limits: FleetLimits = FleetLimits()
    retry: RetrySpec = RetrySpec()
    settle_ms: Annotated[int, Field(ge=0, le=600_000)] = 1000
    """How long a VM must answer after a move before its measurement ends."""
    defaults: VmSettings = VmSettings()
    """Used where a VM's own file says nothing."""
