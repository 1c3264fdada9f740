"""The users' files as models: one fleet, its hosts, its VMs.

Every field carries the description that `ferryman schema` hands to editors.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


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


Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]


class SpecModel(BaseModel):
    """Frozen; unknown keys are errors; values are never coerced."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class SshSpec(SpecModel):
    """How ferryman itself reaches a host by SSH; what is absent comes from the URI and the user's SSH configuration."""

    user: str | None = None
    port: int | None = None
    identity_file: str | None = None
    known_hosts: str | None = None


class HostLimits(SpecModel):
    """Moves at a time, and how fast."""

    outgoing: int = 1
    incoming: int = 1
    bandwidth_mib_s: int = 0


class Capacity(SpecModel):
    """What a host keeps for itself."""

    reserve_memory_mib: int = 512


class HostSpec(SpecModel):
    """One libvirt host: `specs/hosts/NAME.toml`."""

    name: Name
    uri: str
    peer_uri: str | None = None
    """How the other hosts' libvirtd reaches this one; default: `uri`."""
    migration_address: str | None = None
    maintenance: bool = False
    labels: dict[str, str] = {}
    ssh: SshSpec = SshSpec()
    limits: HostLimits = HostLimits()
    capacity: Capacity = Capacity()


class ProbeSpec(SpecModel):
    """What is probed from outside while a VM moves."""

    address: str | None = None
    port: int = 22
    interval_ms: int = 10


class StorageSpec(SpecModel):
    """How a VM's disks move."""

    mode: StorageMode = StorageMode.AUTO
    pools: dict[str, str] = {}
    """Source pool -> destination pool."""


class PlacementSpec(SpecModel):
    """Where a VM may stay while its home is in maintenance."""

    hosts: tuple[Name, ...] | None = None
    """Absent: any host of the fleet; empty: nowhere."""
    avoid: tuple[Name, ...] = ()
    priority: int = 0


class ColdSpec(SpecModel):
    """How a VM is shut down for a cold move."""

    shutdown_timeout_s: int = 120


class VmSpec(SpecModel):
    """One VM: `specs/vms/NAME.toml`."""

    name: Name
    host: Name
    """Its home."""
    method: Method = Method.AUTO
    max_downtime_ms: int | None = None
    allow: tuple[Method, ...] = (Method.LIVE,)
    """What `auto` may choose."""
    drift: DriftPolicy = DriftPolicy.REPORT
    suspend: bool = False
    """True: observed and reported, never moved."""
    probe: ProbeSpec = ProbeSpec()
    storage: StorageSpec = StorageSpec()
    placement: PlacementSpec = PlacementSpec()
    cold: ColdSpec = ColdSpec()


class FleetLimits(SpecModel):
    """How much may move at once in the whole fleet."""

    migrations: int = 4


class RetrySpec(SpecModel):
    """How long a failed move waits before the next attempt: doubling from first to most."""

    first_s: float = 5
    most_s: float = 600


class FleetSpec(SpecModel):
    """The whole fleet: `specs/fleet.toml`."""

    limits: FleetLimits = FleetLimits()
    retry: RetrySpec = RetrySpec()
    settle_ms: int = 1000
    """How long a VM must answer after a move before its measurement ends."""
    # [defaults]: a table of VmSpec keys used where a VM's own file has none
