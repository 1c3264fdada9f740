"""A VM's file as a model: `vms/NAME.toml`."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from ferryman.specs.choices import (
    BackingChain,
    DiskFormat,
    DriftPolicy,
    Encryption,
    Method,
    OnStall,
    SourceDisks,
    StorageMode,
)
from ferryman.specs.fields import Address, DiskTarget, Name, PoolName, Port, VolumePath
from ferryman.specs.spec_model import Names, SpecModel, distinct


def _choices(methods: tuple[Method, ...]) -> tuple[Method, ...]:
    """What `auto` may choose, which is not itself."""
    if Method.AUTO in methods:
        raise ValueError("must not contain auto: it lists what auto may choose, such as live or cold")
    distinct(methods)
    return methods


Methods = Annotated[
    tuple[Annotated[Method, Field(strict=False)], ...],
    Field(strict=False, min_length=1, json_schema_extra={"uniqueItems": True}),
    AfterValidator(_choices),
]


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
    """True: a guest that writes faster than the link carries is slowed down: its processors for its memory, and, from
    libvirt 8.0 on, its writes to disks that are copied."""
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
