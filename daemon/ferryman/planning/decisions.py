"""The words of deciding: finding, plan, refusal. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ferryman.fleet.values import Volume, VolumeRef
from ferryman.specs.models import Method


class Cause(StrEnum):
    """Why a VM is to move."""

    SPEC = "spec"
    """Its spec names another host."""
    EVACUATION = "evacuation"
    """The host that it runs on is in maintenance."""
    RETURN = "return"
    """Its home is out of maintenance again."""
    DRIFT = "drift"
    """Somebody else moved it and its spec says `drift = "correct"`."""


class FindingCode(StrEnum):
    """What preflight can find. Each code is one kind of trouble, whatever its wording."""

    BRIDGE_MISSING = "bridge-missing"
    NETWORK_MISSING = "network-missing"
    POOL_MISSING = "pool-missing"
    POOL_INACTIVE = "pool-inactive"
    SPACE_SHORT = "space-short"
    MEMORY_SHORT = "memory-short"
    VOLUME_EXISTS = "volume-exists"
    VOLUME_UNKNOWN = "volume-unknown"
    VOLUME_UNFIT = "volume-unfit"
    CONVERSION = "conversion"
    BACKING_CHAIN = "backing-chain"
    SNAPSHOTS = "snapshots"
    MANAGED_SAVE = "managed-save"
    HOST_DEVICE = "host-device"
    CDROM_INSERTED = "cdrom-inserted"
    MACHINE_MISSING = "machine-missing"
    ARCHITECTURE = "architecture"
    UUID_TAKEN = "uuid-taken"
    SAME_MACHINE = "same-machine"
    TRANSIENT = "transient"
    POWER = "power"
    METHOD_NOT_ALLOWED = "method-not-allowed"
    STORAGE_NOT_SHARED = "storage-not-shared"
    NO_PLACE = "no-place"
    VM_MISSING = "vm-missing"
    RUNNING_TWICE = "running-twice"
    ON_TWO_HOSTS = "on-two-hosts"
    SPEC_INVALID = "spec-invalid"
    HELD = "held"
    OLDER_HYPERVISOR = "older-hypervisor"
    WRITES_UNTRACKED = "writes-untracked"
    CERTIFICATE_MISSING = "certificate-missing"
    CERTIFICATE_INVALID = "certificate-invalid"
    CERTIFICATE_EXPIRES = "certificate-expires"
    PLAIN_TEXT = "plain-text"
    CERTIFICATE_UNKNOWN = "certificate-unknown"


class Severity(StrEnum):
    """What a finding does to a plan."""

    BLOCKER = "blocker"
    """The VM does not move until it is mended."""
    WARNING = "warning"
    """The VM moves; the finding goes into its record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that preflight saw, and what mends it."""

    code: FindingCode
    severity: Severity
    reason: str
    remedy: str


class DiskTransfer(StrEnum):
    """What happens to a disk when its VM moves."""

    COPY = "copy"
    SHARED = "shared"
    """Both hosts see the very same volume; it stays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskPlan:
    """One disk's way."""

    target: str
    transfer: DiskTransfer
    source: Volume
    destination: VolumeRef
    format: str
    """At the destination."""
    overwrites: bool = False
    """Its spec names a volume that stands there and takes the content: neither created nor, on failure, removed."""
    replaces_leftover: bool = False
    """A volume that our own audit record names as left behind by this VM stands there: it goes first."""


class ImageCopy(StrEnum):
    """How a cold move gets disks to the destination."""

    MIRROR = "mirror"
    """While the guest runs, its writes included: it is off only for shutting down and booting."""
    NBD = "nbd"
    """Once the guest is off, from host to host."""
    STREAM = "stream"
    """Once the guest is off, the file's bytes as they are, through libvirt and this machine: where there is no SSH."""


class SwitchOver(StrEnum):
    """Who stops the guest at the source, and when."""

    LADDER = "ladder"
    """The hypervisor, once the rest can be sent within a downtime limit that starts low and climbs on a stall."""
    ONE_ITERATION = "one-iteration"
    """The hypervisor, once memory was passed over once, whatever the guest wrote meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedMethod:
    """A method that `auto` did not take."""

    method: Method
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One VM's move, decided. Preview and execution use this same value."""

    vm: str
    uuid: str
    source: str
    destination: str
    method: Method
    """LIVE or COLD, never AUTO."""
    cause: Cause
    why: str
    """Why this destination and this method, for people."""
    running: bool
    """It runs now, and runs again afterwards."""
    memory_mib: int
    disks: tuple[DiskPlan, ...] = ()
    rejected: tuple[RejectedMethod, ...] = ()
    warnings: tuple[Finding, ...] = ()
    priority: int = 0
    autostart: bool = False
    switch_over: SwitchOver = SwitchOver.LADDER
    """Live only."""
    image_copy: ImageCopy = ImageCopy.STREAM
    """Cold only."""
    home: str = ""
    """What its spec names as home now."""
    encrypted: bool = False
    """Memory and disks travel under TLS; cold: the disks by SSH."""
    plain_because: str = ""
    """Why they do not; empty where they do."""
    tls_name: str = ""
    """Encrypted: the name that the destination's certificate must bear; empty: its migration address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpToDate:
    """The VM is where it should be."""

    vm: str
    host: str
    message: str = ""


class WaitReason(StrEnum):
    """Why nothing is decided or begun yet; it resolves by itself."""

    HOST_UNREACHABLE = "HostUnreachable"
    MIGRATING_ELSEWHERE = "ForeignMigration"
    LIMIT = "LimitReached"
    RETRY = "RetryBackoff"
    CHANGING = "PowerChanging"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Nothing to do now; looked at again at the next wake-up."""

    vm: str
    reason: WaitReason
    message: str
    remedy: str = ""


class StallReason(StrEnum):
    """Why a VM cannot go on until a person acts."""

    NOT_FOUND = "VmNotFound"
    ON_TWO_HOSTS = "OnTwoHosts"
    RUNNING_TWICE = "RunningTwice"
    INVALID_SPEC = "InvalidSpec"
    PREFLIGHT = "PreflightFailed"
    NO_PLACE = "NoPlace"
    HELD = "HeldForPerson"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Nothing moves; each finding says why and what mends it."""

    vm: str
    reason: StallReason
    findings: tuple[Finding, ...]
    destination: str = ""
    cause: Cause | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Drifted:
    """Somebody else moved the VM; its spec says to report that."""

    vm: str
    expected: str
    found: str


Decision = UpToDate | Wait | Refused | Drifted | Plan
