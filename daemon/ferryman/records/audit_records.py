"""The audit records: what was done, in one TOML file each that never changes once it is written.

Optional fields that are None are left out of the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ferryman.downtime.attribution import Attribution
from ferryman.downtime.values import Measurement
from ferryman.planning.plans import Cause, ImageCopy, SwitchOver
from ferryman.records.timeline import TimelineEntry
from ferryman.records.utc import UtcTime
from ferryman.specs.choices import Method


class Outcome(StrEnum):
    """How an attempt ended. One terminal outcome per attempt."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    """The VM is where it was, as it was."""
    CANCELLED = "cancelled"
    HELD = "held"
    """A person must decide; nothing more is done to this VM."""


class Verdict(StrEnum):
    """Whether the promise `max_downtime_ms` was kept."""

    MET = "met"
    MISSED = "missed"
    UNKNOWN = "unknown"
    """There was a promise and no measurement, or its bounds lie on both sides of the promise."""
    NONE = "none"
    """The spec promises nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeAt:
    """A volume on a host."""

    host: str
    pool: str
    name: str
    path: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseTiming:
    """One phase of an attempt."""

    name: str
    started_ms: float
    """Since the attempt began."""
    duration_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedRecord:
    """A method that was not taken."""

    method: Method
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionRecord:
    """What a method was expected to cost, before the move. None: unknown."""

    method: Method
    chosen: bool = False
    downtime_ms: float | None = None
    least_ms: float | None = None
    """What the downtime would be at least, by what had been measured."""
    duration_s: float | None = None
    """Of the whole move."""
    basis: str = ""
    """What the figures came from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CauseRecord:
    """The chain back to the commit."""

    kind: Cause
    revision: str
    author: str = ""
    subject: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """What went over the wire, as the hypervisor counted it."""

    memory_bytes: int = 0
    disk_bytes: int = 0
    memory_bytes_s: int | None = None
    """How fast memory was sent, over all passes."""
    memory_iterations: int = 0
    setup_ms: int | None = None
    total_ms: int | None = None
    hypervisor_downtime_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EjectedRecord:
    """A medium that was taken out of a drive."""

    target: str
    """The drive: sda, hda, …"""
    path: str
    """The image's, at the source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationRecord:
    """`migrations/YYYY/MM/ID.toml`: one attempt, never changed once written."""

    id: str
    number: int = 0
    """Counts the records of a state folder in the order of their attempts' ends, whatever clocks say; 0: not known."""
    vm: str
    uuid: str
    source: str
    destination: str
    method: Method
    why: str
    cause: CauseRecord
    attempt: int
    started_at: UtcTime
    finished_at: UtcTime
    outcome: Outcome
    reason: str = ""
    """Why it did not succeed."""
    remedy: str = ""
    begun_ms: float | None = None
    """From the attempt's start to the hypervisor's own migration."""
    total_ms: float
    """From the attempt's start until the VM was verified at the destination (or the failure was undone)."""
    verdict: Verdict = Verdict.NONE
    max_downtime_ms: int | None = None
    measurement: Measurement
    network_and_service_ms: float | None = None
    """Downtime less the hypervisor's own figure."""
    probed_from: str = ""
    """The host that probed; empty: the daemon's machine."""
    probe_clock_error_ms: float | None = None
    """How far that host's times may be off, turned into the daemon's; of no effect on durations."""
    attribution: Attribution | None = None
    """The downtime in parts that add up to it; None: it was not measured."""
    announcements: int = 0
    """How often the guest was announced again, as it did not answer at the destination."""
    timeline: tuple[TimelineEntry, ...] = ()
    switch_over: SwitchOver | None = None
    """Live only: when the guest is stopped at the source."""
    image_copy: ImageCopy | None = None
    """Cold only: how the disks' content got there."""
    post_copy: bool = False
    """It was switched to post-copy: the guest ran at the destination before all of its memory was there."""
    transfer: Transfer = Transfer()
    phases: tuple[PhaseTiming, ...] = ()
    rejected: tuple[RejectedRecord, ...] = ()
    predictions: tuple[PredictionRecord, ...] = ()
    """Of the methods that were allowed and possible, the least disruptive first."""
    prediction_error_ms: float | None = None
    """Measured less predicted downtime; above 0: it was down for longer. None: one of the two is unknown."""
    prediction_error_s: float | None = None
    """Actual less predicted duration of the whole move, of one that succeeded."""
    dirty_bytes_s: int | None = None
    """How fast the guest had been seen to write; None: not known."""
    warnings: tuple[str, ...] = ()
    volumes_created: tuple[VolumeAt, ...] = ()
    left_behind: tuple[VolumeAt, ...] = ()
    """Volumes of ours at the source that the VM no longer uses."""
    deleted_at_source: tuple[VolumeAt, ...] = ()
    """Volumes at the source that were deleted once the VM answered, as its spec says."""
    ejected: tuple[EjectedRecord, ...] = ()
    """CD-ROM images that were ejected before the move, as its spec allows; after a failed one they are back."""
    home: str = ""
    """What the spec named as home when the move began."""
    encrypted: bool = False
    """Whether memory and disks were to travel under TLS, a cold move's disks by SSH."""
    plain_because: str = ""
    """Why they were not."""
    recovered: bool = False
    """The attempt was interrupted and taken up again: the daemon was restarted, or a host had been silent."""
    resolves: str = ""
    """The id of the held attempt that this one brought to its end, because a person accepted it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovalRecord:
    """`removals/YYYY/MM/ID.toml`: a volume that a move left behind and `ferryman gc` removed. Never changed."""

    id: str
    vm: str
    """The VM that the volume was a disk of."""
    uuid: str
    """Of that VM."""
    volume: VolumeAt
    migration: str
    """The audit record that names it as left behind."""
    removed_at: UtcTime
    allocated_bytes: int = 0
    """What it occupied."""
    was_gone: bool = False
    """Somebody else had removed it already."""
