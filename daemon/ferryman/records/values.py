"""What is written down. Every value here is one TOML table in the state folder.

Optional fields that are None are left out of the file. Times are UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator

from ferryman.downtime.attribution import Attribution
from ferryman.downtime.values import Measurement
from ferryman.fleet.drives import Medium
from ferryman.fleet.migrating import LiveMigration
from ferryman.planning.decisions import Cause, ImageCopy, SwitchOver
from ferryman.records.timeline import TimelineEntry
from ferryman.specs.models import Method, OnStall


def in_utc(time: datetime) -> datetime:
    """The same moment in UTC; raises ValueError for a time without a zone, which is no moment."""
    if time.tzinfo is None:
        raise ValueError(f"the time {time} names no zone")
    return time.astimezone(UTC)


UtcTime = Annotated[datetime, AfterValidator(in_utc)]


class ConditionType(StrEnum):
    """What can be said of a VM."""

    READY = "Ready"
    """It is where its spec wants it."""
    RECONCILING = "Reconciling"
    """It moves, waits to move, or will be tried again."""
    STALLED = "Stalled"
    """Nothing goes on until a person acts."""
    DRIFTED = "Drifted"
    """Somebody else moved it."""
    SUSPENDED = "Suspended"
    """Its spec says `suspend = true`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One statement about a VM, and since when it holds."""

    type: ConditionType
    reason: str
    """One CamelCase word for machines."""
    message: str
    remedy: str = ""
    since: UtcTime


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """Where ferryman last saw the VM converged: the middle of the three-way comparison that finds drift."""

    home: str
    """What the spec wanted then."""
    host: str
    """Where the VM was then: its home, or its refuge during an evacuation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LastMigration:
    """The newest audit record, in short."""

    id: str
    source: str
    destination: str
    method: Method
    outcome: str
    downtime_ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveStatistics:
    """Downtimes of one VM by one method from one host to one other, over its moves that succeeded; ms."""

    method: Method
    source: str
    destination: str
    count: int
    unmeasured: int
    """Of them: without a figure, and in none of these."""
    mean_ms: float | None = None
    deviation_ms: float | None = None
    """Standard deviation; None: of fewer than two."""
    median_ms: float | None = None
    """Exact up to 101 moves, then of a fair sample of as many."""
    lowest_ms: float | None = None
    highest_ms: float | None = None
    last_ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VmState:
    """`vms/NAME.toml`."""

    name: str
    host: str | None = None
    """Where it was observed; None: unknown or nowhere."""
    power: str | None = None
    observed_generation: str = ""
    """Blob id of the spec that the conditions speak of."""
    last_attempted_revision: str = ""
    last_applied_revision: str = ""
    placed: Placed | None = None
    conditions: tuple[Condition, ...] = ()
    last_migration: LastMigration | None = None
    downtimes: tuple[MoveStatistics, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecProblem:
    """One thing wrong with the specs."""

    place: str
    """FILE:LINE; empty where it is the source as a whole."""
    message: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetState:
    """`fleet.toml`: the specs in force, and what is wrong with the newest."""

    revision: str = ""
    """The revision in force; empty: none yet."""
    newest_revision: str = ""
    """The newest that was read; another than `revision` while it is held."""
    condition: Condition | None = None
    problems: tuple[SpecProblem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HostState:
    """`hosts/NAME.toml`. Nothing volatile: no free memory, no load."""

    name: str
    reachable: bool
    resting: bool = False
    """It failed again and again: it is called only now and then until it answers."""
    reason: str = ""
    remedy: str = ""
    maintenance: bool = False
    drained: bool = False
    """In maintenance, and observed empty of the fleet's VMs."""
    remaining: tuple[str, ...] = ()
    """In maintenance: VMs still there."""
    vms: tuple[str, ...] = ()
    """VMs of the fleet's specs that are there."""


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


class Step(StrEnum):
    """How far an attempt has come: written before its effect, for a restart to know."""

    PREPARING = "preparing"
    """Volumes may exist at the destination. The VM is untouched."""
    TRANSFERRING = "transferring"
    """Live: the hypervisor's migration may be under way or finished. Cold: the guest may be shutting down or
    off, and its disks are being copied. The source is still the truth."""
    SWITCHING = "switching"
    """Post-copy: the guest runs at the destination or is about to, while memory is still at the source. The commit
    point."""
    ACTIVATING = "activating"
    """Cold: the definition is or will be at the destination, and may have been started. The commit point."""
    FINISHING = "finishing"
    """The VM was seen at the destination; only the source's definition remains."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """`journal/VM.toml`, outside git's history: the one attempt under way of a VM."""

    id: str
    vm: str
    uuid: str
    source: str
    destination: str
    method: Method
    running: bool
    step: Step
    why: str
    cause: CauseRecord
    attempt: int
    started_at: UtcTime
    max_downtime_ms: int | None = None
    switch_over: SwitchOver = SwitchOver.LADDER
    on_stall: OnStall = OnStall.ABORT
    dirty_bytes_s: int | None = None
    """How fast the guest was seen to write before the move; None: not known."""
    switched: bool = False
    """It was switched to post-copy."""
    mirrored: tuple[str, ...] = ()
    """Disks of the running VM that are mirrored to the destination: the mirrors end when the move is undone."""
    image_copy: ImageCopy | None = None
    """Cold only."""
    machine_files: tuple[str, ...] = ()
    """NVRAM and TPM files that this move puts onto the destination, and that were not there before."""
    request: LiveMigration | None = None
    """What the hypervisor was asked to do; None where it was not, or not yet."""
    home: str = ""
    """What the spec named as home when the move began."""
    encrypted: bool = False
    """Memory and disks travel under TLS, a cold move's disks by SSH."""
    plain_because: str = ""
    """Why they do not; empty: they do."""
    autostart: bool = False
    """The VM is started with its host: switched off at the source while it moves, on again where it ends up."""
    created: tuple[VolumeAt, ...] = ()
    """Volumes that this attempt created at the destination: the only ones that undoing may remove."""
    source_volumes: tuple[VolumeAt, ...] = ()
    """The copied disks' volumes at the source."""
    resolves: str = ""
    """The id of the held attempt that this one brings to its end."""
    ejected: tuple[Medium, ...] = ()
    """Media that this attempt took out of their drives at the source: undoing puts them back."""
