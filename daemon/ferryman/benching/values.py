"""The words of benching: leg, move, run."""

from __future__ import annotations

from dataclasses import dataclass

from ferryman.downtime.values import MeasurementStatus
from ferryman.records.audit.record import MigrationRecord, Outcome
from ferryman.records.utc import UtcTime
from ferryman.specs.choices import Method


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One move that a run wants."""

    iteration: int
    """From 1."""
    method: Method
    source: str
    destination: str
    counted: bool = True
    """False: it only brings the VM to where the next leg begins, or home; its figures are nobody's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LegUnderWay:
    """Written before a move begins: after a crash its audit record says what became of it."""

    id: str
    """Of the audit record to be."""
    leg: Leg


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchMove:
    """One attempt and its figures, as its audit record has them."""

    id: str
    leg: Leg
    outcome: Outcome
    reason: str = ""
    status: MeasurementStatus
    downtime_ms: float | None = None
    downtime_lower_ms: float | None = None
    downtime_upper_ms: float | None = None
    hypervisor_downtime_ms: int | None = None
    total_ms: float
    recovered: bool = False
    """It was interrupted and taken up again: its downtime is in no figure."""

    @classmethod
    def of(cls, leg: Leg, record: MigrationRecord) -> BenchMove:
        """What a leg's audit record says."""
        measured = record.measurement
        return cls(
            id=record.id,
            leg=leg,
            outcome=record.outcome,
            reason=record.reason or measured.reason,
            status=measured.status,
            downtime_ms=measured.downtime_ms,
            downtime_lower_ms=measured.downtime_lower_ms,
            downtime_upper_ms=measured.downtime_upper_ms,
            hypervisor_downtime_ms=record.transfer.hypervisor_downtime_ms,
            total_ms=record.total_ms,
            recovered=record.recovered,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchRun:
    """`bench/VM.toml`: what was asked, and what came of it so far; written after each move."""

    vm: str
    home: str
    """The host that it begins and ends on."""
    away: str
    methods: tuple[Method, ...]
    iterations: int
    """There and back so many times by each method."""
    started_at: UtcTime
    moves: tuple[BenchMove, ...] = ()
    under_way: LegUnderWay | None = None
