"""The audit records: what was done, in one TOML file each that never changes once it is written.

Optional fields that are None are left out of the file.
"""

from __future__ import annotations

from dataclasses import dataclass

from ferryman.downtime.attribution import Attribution
from ferryman.downtime.values import Measurement
from ferryman.fleet.values import DirtyRate
from ferryman.planning.modes import Driver, ImageCopy, SwitchOver
from ferryman.records.audit.head import CauseRecord as CauseRecord
from ferryman.records.audit.head import Outcome as Outcome
from ferryman.records.audit.head import RecordHead
from ferryman.records.audit.head import Transfer as Transfer
from ferryman.records.audit.head import Verdict as Verdict
from ferryman.records.audit.timeline import TimelineEntry
from ferryman.records.utc import UtcTime
from ferryman.specs.choices import Method


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
class EjectedRecord:
    """A medium that was taken out of a drive."""

    target: str
    """The drive: sda, hda, …"""
    path: str
    """The image's, at the source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationRecord(RecordHead):
    """`migrations/YYYY/MM/ID.toml`: one attempt, never changed once written."""

    uuid: str
    number: int = 0
    """Counts the records of a state folder in the order of their attempts' ends, whatever clocks say; 0: not known."""
    why: str
    attempt: int
    finished_at: UtcTime
    begun_ms: float | None = None
    """From the attempt's start to the hypervisor's own migration."""
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
    driven_by: Driver | None = None
    """Live only: whose connections the migration hung on."""
    driven_because: str = ""
    """Why the daemon drove it; empty where it did not."""
    image_copy: ImageCopy | None = None
    """Cold only: how the disks' content got there."""
    phases: tuple[PhaseTiming, ...] = ()
    rejected: tuple[RejectedRecord, ...] = ()
    predictions: tuple[PredictionRecord, ...] = ()
    """Of the methods that were allowed and possible, the least disruptive first."""
    prediction_error_s: float | None = None
    """Actual less predicted duration of the whole move, of one that succeeded."""
    dirty: DirtyRate | None = None
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
