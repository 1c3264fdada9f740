"""The report's data: what is drawn and told, free of how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ferryman.downtime.statistics import Statistics
from ferryman.records.audit.head import RecordHead, Verdict
from ferryman.records.audit.record import MigrationRecord
from ferryman.records.audit.samples import KeptSample
from ferryman.specs.choices import Method


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Several moves in figures."""

    moves: int
    succeeded: int
    statistics: Statistics
    verdicts: Mapping[Verdict, int]
    """Of each, how many; all of them named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VmSummary:
    """The moves of one VM by one method."""

    vm: str
    method: Method
    summary: Summary


@dataclass(frozen=True, slots=True, kw_only=True)
class MedianPoint:
    """The downtimes of the moves that began within one stretch of time."""

    at: datetime
    """The stretch's middle."""
    median_ms: float
    lower_quartile_ms: float
    """Half of the moves lie between this and the next."""
    upper_quartile_ms: float
    moves: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OutageBand:
    """A stretch without service on a move's time axis; ms since the attempt began."""

    last_answered_ms: float
    first_lost_ms: float
    last_lost_ms: float
    up_by_ms: float | None
    """When the first answer came; None: not while it was probed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseUp:
    """One move in full: its record, and the probes that were kept of it."""

    record: MigrationRecord
    probes: tuple[KeptSample, ...] = ()
    """Empty where none were kept."""
    outages: tuple[OutageBand, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that a page says."""

    made_at: datetime
    selection: str
    """Which moves were asked for, in words; empty: all."""
    moves: tuple[RecordHead, ...]
    """The newest first."""
    whole: Summary
    methods: Mapping[Method, Summary]
    """Only those that occur, the least disruptive first."""
    vms: tuple[VmSummary, ...]
    medians: Mapping[Method, tuple[MedianPoint, ...]]
    close_ups: tuple[CloseUp, ...]
    damaged: int = 0
    """Records that could not be read and are in no figure."""
