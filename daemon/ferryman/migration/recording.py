"""An attempt's audit record, from what is known of it at its end. Pure, but for the time of finishing."""

from __future__ import annotations

from dataclasses import dataclass

from ferryman.downtime.measuring import apportion
from ferryman.downtime.values import Measurement, MeasurementStatus
from ferryman.fleet.hypervisor import Job
from ferryman.migration.move import Move
from ferryman.migration.settling import Ending
from ferryman.planning.decisions import Plan
from ferryman.records.values import MigrationRecord, Outcome, RejectedRecord, Transfer
from ferryman.records.verdict import verdict
from ferryman.specs.models import Method

_LOOK_AT_IT = "Look at its console (virsh console), and whether [probe] address and port are right."


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What only the attempt's own run knows; the plan is gone where a restart took the attempt up."""

    total_ms: float
    begun_ms: float | None = None
    plan: Plan | None = None
    recovered: bool = False


def record_of(move: Move, ending: Ending, measurement: Measurement, job: Job | None, facts: Facts) -> MigrationRecord:
    """The record of an attempt that has ended."""
    entry, plan = move.entry, facts.plan
    succeeded = ending.outcome is Outcome.SUCCEEDED
    paused_ms = job.downtime_ms if job else None
    silent = succeeded and measurement.status is MeasurementStatus.NOT_BACK
    silence = f"it runs at {entry.destination}, and its service did not answer again" if silent else ""
    return MigrationRecord(
        id=entry.id,
        vm=entry.vm,
        uuid=entry.uuid,
        source=entry.source,
        destination=entry.destination,
        method=entry.method,
        why=entry.why,
        cause=entry.cause,
        attempt=entry.attempt,
        started_at=entry.started_at,
        finished_at=move.clock.now(),
        outcome=ending.outcome or Outcome.HELD,
        reason=ending.reason or silence,
        remedy=ending.remedy or (_LOOK_AT_IT if silence else ""),
        begun_ms=_rounded(facts.begun_ms),
        total_ms=round(facts.total_ms, 1),
        verdict=verdict(measurement, entry.max_downtime_ms),
        max_downtime_ms=entry.max_downtime_ms,
        measurement=measurement,
        network_and_service_ms=None if paused_ms is None else _rounded(apportion(measurement, paused_ms)),
        switch_over=entry.switch_over if entry.method in (Method.LIVE, Method.POST_COPY) else None,
        image_copy=entry.image_copy,
        post_copy=entry.switched,
        transfer=_transfer(job, move.disk_bytes),
        phases=tuple(move.phases),
        rejected=tuple(RejectedRecord(method=no.method, reason=no.reason) for no in plan.rejected) if plan else (),
        warnings=(*(finding.reason for finding in plan.warnings), *move.warnings) if plan else tuple(move.warnings),
        volumes_created=entry.created if succeeded else (),
        left_behind=entry.source_volumes if succeeded else (),
        home=entry.home,
        encrypted=entry.encrypted,
        plain_because=entry.plain_because,
        recovered=facts.recovered,
    )


def _transfer(job: Job | None, disk_bytes: int) -> Transfer:
    if job is None:
        return Transfer(disk_bytes=disk_bytes)
    return Transfer(
        memory_bytes=job.memory_processed_bytes,
        disk_bytes=max(disk_bytes, job.disk_processed_bytes),
        memory_iterations=job.memory_iteration,
        setup_ms=job.setup_ms,
        total_ms=job.elapsed_ms,
        hypervisor_downtime_ms=job.downtime_ms,
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
