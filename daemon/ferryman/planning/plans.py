"""A move as it is planned: by which method, each disk's way, and what that is expected to cost. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ferryman.fleet.storage import BackingImage, Volume, VolumeRef
from ferryman.fleet.values import DirtyRate
from ferryman.fleet.xml.adapting import UNCHANGED, Adaptation
from ferryman.planning.causes import Cause as Cause
from ferryman.planning.findings import Finding
from ferryman.planning.modes import Driver, ImageCopy, SwitchOver
from ferryman.specs.choices import Method


class DiskTransfer(StrEnum):
    """What happens to a disk when its VM moves."""

    COPY = "copy"
    SHARED = "shared"
    """Both hosts see the very same volume; it stays."""


class DiskImage(StrEnum):
    """What of a copied disk is copied."""

    WHOLE = "whole"
    """All of it: it is no layer."""
    LAYER = "layer"
    """The layer alone, over the image that the destination has already."""
    FLATTENED = "flattened"
    """Its whole content, the layers below included, into one image."""


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
    image: DiskImage = DiskImage.WHOLE
    over: BackingImage | None = None
    """Of a layer: the image that it is put over at the destination."""
    replaces_leftover: bool = False
    """A volume that our own audit record names as left behind by this VM stands there: it goes first."""
    shared_by_looks: bool = False
    """SHARED for no other reason than the pool's kind and the volume's name: the move proves it first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What a method is expected to cost. None: unknown."""

    method: Method
    downtime_ms: float | None = None
    """The best guess."""
    least_ms: float | None = None
    """What the downtime is at least, by what was measured; None: nothing was that says so."""
    duration_s: float | None = None
    """Of the whole move."""
    basis: str
    """What the figures come from."""

    def breaks(self, max_downtime_ms: int | None) -> bool:
        """Whether the promise cannot be kept."""
        return max_downtime_ms is not None and self.least_ms is not None and self.least_ms > max_downtime_ms

    def keeps(self, max_downtime_ms: int | None) -> bool:
        """Whether nothing speaks against keeping the promise, not even a guess."""
        return max_downtime_ms is None or self.downtime_ms is None or self.downtime_ms <= max_downtime_ms


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
    """Any but AUTO."""
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
    synchronous_writes: bool = False
    """Live only: the guest's writes to copied disks go no faster than the link carries."""
    driven_by: Driver = Driver.SOURCE
    """Live only."""
    driven_because: str = ""
    """Why the daemon drives it; empty where it does not."""
    image_copy: ImageCopy = ImageCopy.STREAM
    """Cold only."""
    home: str = ""
    """What its spec names as home now."""
    source_machine: str = ""
    destination_machine: str = ""
    """Both hosts' UUIDs: which machines bore these names when this was decided. Empty: not known."""
    encrypted: bool = False
    """Memory and disks travel under TLS, or, cold and without certificates, by SSH."""
    plain_because: str = ""
    """Why they do not; empty where they do."""
    tls_name: str = ""
    """Encrypted: the name that the destination's certificate must bear; empty: its migration address."""
    adaptation: Adaptation = UNCHANGED
    """What differs at the destination. The move asks the pools themselves for the disks' paths."""
    predictions: tuple[Prediction, ...] = ()
    """Of the methods that its spec allows and preflight found possible, the least disruptive first."""
    dirty: DirtyRate | None = None
    """How fast the guest was seen to write; None: not known."""
