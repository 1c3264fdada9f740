"""The journal's entry: the one attempt of a VM that is under way, written before each effect.

Optional fields that are None are left out of the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ferryman.fleet.migrating import LiveMigration
from ferryman.fleet.values import DirtyRate
from ferryman.fleet.xml.drives import Medium
from ferryman.planning.modes import Driver, ImageCopy, SwitchOver
from ferryman.records.audit.record import CauseRecord, VolumeAt
from ferryman.records.utc import UtcTime
from ferryman.specs.choices import Method, OnStall


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
    """Cold: the definition is or will be at the destination, and was never started there."""
    STARTING = "starting"
    """Cold: it was started at the destination, or is about to be: its newest data may be there. The commit point."""
    FINISHING = "finishing"
    """The VM was seen at the destination; only the source's definition remains."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweredProbe:
    """A probe that was answered; ns."""

    sent_ns: int
    round_trip_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """How an attempt's VM was probed before it was touched: a restart probes on from there."""

    address: str
    port: int
    interval_ms: float
    prober: str = ""
    """The host that probes; empty: the daemon's machine."""
    settle_ms: int
    """So long the service must answer before the measurement ends."""
    announce: bool
    started_ns: int
    """When the attempt began, by the daemon's monotonic clock, as all times here."""
    answers: tuple[AnsweredProbe, ...]
    """The newest probes."""


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
    dirty: DirtyRate | None = None
    """How fast the guest was seen to write before the move; None: not known."""
    switched: bool = False
    """It was switched to post-copy."""
    mirrored: tuple[str, ...] = ()
    """Disks of the running VM that are mirrored to the destination: the mirrors end when the move is undone."""
    driven_by: Driver = Driver.SOURCE
    """Live only: whose connections the migration hangs on."""
    driven_because: str = ""
    """Why it is not the source's libvirtd that drives it; empty: it is."""
    image_copy: ImageCopy | None = None
    """Cold only."""
    machine_files: tuple[str, ...] = ()
    """NVRAM and TPM files that this move puts onto the destination, and that were not there before."""
    source_machine: str = ""
    """The host UUID of the machine that bore the source's name when the move began; empty: not known."""
    destination_machine: str = ""
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
    watched: Watched | None = None
    """None: not probed, or it did not answer."""
    ejected: tuple[Medium, ...] = ()
    """Media that this attempt took out of their drives at the source: undoing puts them back."""
    asked_at: UtcTime | None = None
    """When the running guest was first asked to power itself off; None: it was not."""
    went_off: bool = False
    """It was seen to be off after that: whatever powers it off later is no answer to that."""
    obeyed: str = ""
    """The id of the ended attempt whose request the guest obeyed late: this one only starts it again."""

    def machine(self, host: str) -> str:
        """The host UUID that one of its two hosts had when the move began; empty: not known."""
        return self.source_machine if host == self.source else self.destination_machine

    @property
    def may_power_off(self) -> bool:
        """Whether the guest was asked to power itself off, and has not been seen to do so."""
        return self.asked_at is not None and not self.went_off

    @property
    def untouched(self) -> bool:
        """Nothing was done on any host yet: nothing is there to be taken back, or to be in anybody's way."""
        made = (self.created, self.ejected, self.mirrored, self.machine_files)
        return self.step is Step.PREPARING and not any(made)
