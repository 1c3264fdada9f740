"""Runs of a bench as tests begin with them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from ferryman.benching.values import BenchMove, BenchRun, Leg
from ferryman.downtime.values import MeasurementStatus
from ferryman.records.audit.record import Outcome
from ferryman.specs.choices import Method

A, B = "tallinn", "skopje"


def run(*methods: Method, iterations: int = 2) -> BenchRun:
    return BenchRun(
        vm="guest-01",
        home=A,
        away=B,
        methods=methods or (Method.LIVE,),
        iterations=iterations,
        started_at=datetime(2026, 11, 23, 12, 0, tzinfo=UTC),
    )


def moved(
    before: BenchRun, leg: Leg, downtime_ms: float | None = 90.0, outcome: Outcome = Outcome.SUCCEEDED
) -> BenchRun:
    """The run after one more move."""
    measured = downtime_ms is not None
    move = BenchMove(
        id=f"20261123T12{len(before.moves):04}Z-guest-01-0000",
        leg=leg,
        outcome=outcome,
        status=MeasurementStatus.MEASURED if measured else MeasurementStatus.UNMEASURED,
        downtime_ms=downtime_ms,
        hypervisor_downtime_ms=40,
        total_ms=1800.0,
    )
    return replace(before, moves=(*before.moves, move))
