"""The users' files as models: one fleet, its hosts, its VMs.

The text under a field is its description: `ferryman schema` hands it to editors.
"""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from ferryman.specs.fields import (
    Address,
    DiskTarget,
    HypervisorUri,
    LocalPath,
    Name,
    PoolName,
    Port,
    UserName,
    VolumePath,
    uri_host,
)


class Method(StrEnum):
    """How a VM is moved."""

    AUTO = "auto"
    """The daemon chooses among the allowed methods and records why."""
    LIVE = "live"
    """Pre-copy: memory moves while the guest runs."""
    POST_COPY = "post-copy"
    """Begins as live; a guest that writes too fast runs on at the destination, and its memory follows."""
    PAUSED = "paused"
    """Memory moves while the guest stands still."""
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


class OnStall(StrEnum):
    """What to do with a guest that writes faster than the link carries, at the end of the downtime ladder."""

    POST_COPY = "post-copy"
    """It runs on at the destination, and its memory follows."""
    PAUSE = "pause"
    """It stands still until its memory is there, however long that takes."""
    ABORT = "abort"
    """It stays where it is; the move has failed and is tried again later."""


class Encryption(StrEnum):
    """Whether memory and disks travel under TLS."""

    REQUIRE = "require"
    """Refused where the hosts have no certificates."""
    PREFER = "prefer"
    """Where both hosts have certificates; the record says whether it was."""
    OFF = "off"


class BackingChain(StrEnum):
    """What becomes of a disk that is a layer over another image."""

    KEEP = "keep"
    """Only the layer is copied, onto the backing image that the destination has already; refused where it has not."""
    FLATTEN = "flatten"
    """The whole content is copied into one image."""


class DiskFormat(StrEnum):
    """How copied disks are kept at the destination."""

    KEEP = "keep"
    """As they were; raw where the destination's pool holds nothing else, such as logical volumes."""
    QCOW2 = "qcow2"
    RAW = "raw"


class SourceDisks(StrEnum):
    """What becomes of copied disks at the source once the VM answers at the destination."""

    KEEP = "keep"
    """They stay, named by the audit record; `ferryman gc` removes them."""
    DELETE = "delete"


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


class ProbeSpec(SpecModel):
    """What is probed from outside while a VM moves."""

    address: Address | None = None
    """The VM's address; default: found by guest agent, lease or ARP."""
    port: Port = 22
    """The TCP port of the service that the VM's users need."""
    interval_ms: Annotated[int, Field(ge=1, le=1000)] = 10
    """Time between two probes: how finely downtime is measured."""
    from_host: Annotated[Name | None, Field(alias="from")] = None
    """The host that probes, over SSH and with its own Python, where ferryman itself does not reach the VM's network;
    default: ferryman's own machine."""
    announce: bool = True
    """Announce the guest's place in the network again where it runs at the destination and does not answer."""
    icmp: bool = False
    """True: the address is pinged too, which tells a host or network that is away from a service that is."""


class StorageSpec(SpecModel):
    """How a VM's disks move."""

    mode: Annotated[StorageMode, Field(strict=False)] = StorageMode.AUTO
    """How the disks reach the destination."""
    pools: dict[PoolName, PoolName] = {}
    """Source pool = destination pool, where their names differ."""
    format: Annotated[DiskFormat, Field(strict=False)] = DiskFormat.KEEP
    """How copied disks are kept at the destination."""
    overwrite: dict[DiskTarget, VolumePath] = {}
    """Disk target = POOL/VOLUME, for instance vda = "vg0/guest-01": a volume that stands at the destination already,
    and whose content is replaced."""
    backing_chain: Annotated[BackingChain, Field(strict=False)] = BackingChain.KEEP
    """What becomes of a disk that is a layer over another image."""
    source_disks: Annotated[SourceDisks, Field(strict=False)] = SourceDisks.KEEP
    """What becomes of copied disks at the source once the VM answers at the destination."""


class PlacementSpec(SpecModel):
    """Where a VM may stay while its home is in maintenance."""

    hosts: Names | None = None
    """The hosts it may stay on. Absent: any host of the fleet; empty: nowhere."""
    avoid: Names = ()
    """VMs that it must not share a host with."""
    priority: Annotated[int, Field(ge=-1000, le=1000)] = 0
    """Higher moves earlier."""


class LiveSpec(SpecModel):
    """How memory moves while the guest runs."""

    on_stall: Annotated[OnStall, Field(strict=False)] | None = None
    """At the end of the downtime ladder. Absent: post-copy where `allow` names it; else abort where there is a promise
    (`max_downtime_ms`), and pause where there is none."""
    auto_converge: bool = False
    """True: QEMU slows a guest down that writes too fast."""
    connections: Annotated[int, Field(ge=1, le=255)] = 1
    """TCP connections that memory is sent over (QEMU's multifd, from 2 on)."""


class ColdSpec(SpecModel):
    """How a VM is moved while it is off."""

    shutdown_timeout_s: Annotated[int, Field(ge=1, le=3600)] = 120
    """How long the guest may take to shut down."""
    force_off: bool = False
    """True: a guest that takes longer is powered off, as if by pulling the plug."""
    presync: bool = True
    """False: do not mirror the disks beforehand, while the guest runs; it is then down for the whole copy."""
    compare: bool = False
    """True: mirrored disks too are compared in full before the VM is started; it is down meanwhile."""


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
    encryption: Annotated[Encryption, Field(strict=False)] = Encryption.PREFER
    """Whether memory and disks travel under TLS."""
    eject_cdrom: bool = False
    """True: a CD-ROM image that is inserted is ejected before a move."""
    probe: ProbeSpec = ProbeSpec()
    storage: StorageSpec = StorageSpec()
    placement: PlacementSpec = PlacementSpec()
    live: LiveSpec = LiveSpec()
    cold: ColdSpec = ColdSpec()

    @property
    def on_stall(self) -> OnStall:
        """What to do at the end of the downtime ladder."""
        if self.live.on_stall is not None:
            return self.live.on_stall
        if self.method is Method.POST_COPY or Method.POST_COPY in self.allow:
            return OnStall.POST_COPY
        return OnStall.PAUSE if self.max_downtime_ms is None else OnStall.ABORT


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
