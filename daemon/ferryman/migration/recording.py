"""An attempt's audit record, from what is known of it at its end. Pure, but for the time of finishing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ferryman.downtime.attribution import Told, attribute
from ferryman.downtime.measuring import apportion, unmeasured
from ferryman.downtime.values import Measurement, MeasurementStatus
from ferryman.fleet.migrating import Job
from ferryman.migration.chronology import timeline
from ferryman.migration.disks.clearing import NOTHING_CLEARED, Cleared
from ferryman.migration.foretold import error_ms, error_s, predictions_of
from ferryman.migration.move import Move
from ferryman.migration.settling.endings import Ending
from ferryman.migration.witness import Testimony
from ferryman.planning.plans import Plan
from ferryman.records.audit.record import EjectedRecord, MigrationRecord, Outcome, RejectedRecord, Transfer, VolumeAt
from ferryman.records.audit.timeline import Mark
from ferryman.records.audit.verdict import verdict
from ferryman.records.journal.asked import OBEYS_FOR
from ferryman.records.journal.entry import JournalEntry
from ferryman.specs.choices import Method

_LOOK_AT_IT = "Look at its console (virsh console), and whether [probe] address and port are right."


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What only the attempt's own run knows; the plan is gone where a restart took the attempt up."""

    total_ms: float
    begun_ms: float | None = None
    plan: Plan | None = None
    recovered: bool = False
    cleared: Cleared = NOTHING_CLEARED


def record_of(move: Move, ending: Ending, testimony: Testimony, job: Job | None, facts: Facts) -> MigrationRecord:
    """The record of an attempt that has ended."""
    outlined = _outline(move.entry, _finished_at(move, facts), ending.outcome or Outcome.HELD, testimony.measurement)
    timed = replace(outlined, begun_ms=_rounded(facts.begun_ms), total_ms=round(facts.total_ms, 1))
    seen = _with_testimony(timed, move, testimony, job)
    done = _with_work(_with_ending(seen, move, ending, facts), move, job)
    return _with_plan(done, facts)


def _finished_at(move: Move, facts: Facts) -> datetime:
    """By the monotonic clock, where one daemon saw all of the attempt: the other one may step meanwhile."""
    if facts.recovered:
        return move.clock.now()
    return move.entry.started_at + timedelta(milliseconds=move.logbook.elapsed_ms())


def _with_testimony(record: MigrationRecord, move: Move, testimony: Testimony, job: Job | None) -> MigrationRecord:
    """What the VM's users felt, and where the time went."""
    entry, measurement = move.entry, testimony.measurement
    told = _told(move, moved=record.outcome is Outcome.SUCCEEDED and entry.running)
    lifecycles = {entry.source: told.source, entry.destination: told.destination}
    paused_ms = job.downtime_ms if job else None
    return replace(
        record,
        verdict=verdict(measurement, entry.max_downtime_ms),
        network_and_service_ms=None if paused_ms is None else _rounded(apportion(measurement, paused_ms)),
        probed_from=testimony.probed_from,
        probe_clock_error_ms=testimony.clock_error_ms,
        attribution=attribute(measurement, testimony.outage, testimony.samples, told),
        announcements=sum(one.mark is Mark.ANNOUNCED for one in move.logbook.noted),
        timeline=timeline(move.logbook.started_ns, move.logbook.noted, lifecycles, testimony.outage),
    )


def _with_ending(record: MigrationRecord, move: Move, ending: Ending, facts: Facts) -> MigrationRecord:
    """How it ended, and what it left where."""
    entry, succeeded = move.entry, record.outcome is Outcome.SUCCEEDED
    silent = succeeded and record.measurement.status is MeasurementStatus.NOT_BACK
    silence = f"it runs at {entry.destination}, and its service did not answer again" if silent else ""
    return replace(
        record,
        reason=ending.reason or silence,
        remedy=ending.remedy or (_LOOK_AT_IT if silence else ""),
        recovered=facts.recovered,
        # Undone, there are none any more but those that could not be removed.
        volumes_created=entry.created if ending.outcome is not Outcome.FAILED else ending.left,
        left_behind=_left_behind(entry, facts.cleared) if succeeded else (),
        deleted_at_source=facts.cleared.deleted,
        ejected=tuple(EjectedRecord(target=medium.target, path=medium.path) for medium in entry.ejected),
        warnings=(
            *((finding.reason for finding in facts.plan.warnings) if facts.plan else ()),
            *move.warnings,
            *_of_late_power_off(entry, ending.outcome),
            *facts.cleared.warnings,
        ),
    )


def _with_work(record: MigrationRecord, move: Move, job: Job | None) -> MigrationRecord:
    """By which ways memory and disks got there, and how much that was."""
    entry = move.entry
    return replace(
        record,
        switch_over=entry.switch_over if entry.method in (Method.LIVE, Method.POST_COPY) else None,
        driven_by=None if entry.method is Method.COLD else entry.driven_by,
        driven_because=entry.driven_because,
        image_copy=entry.image_copy,
        post_copy=entry.switched,
        encrypted=entry.encrypted,
        plain_because=entry.plain_because,
        transfer=_transfer(job, move),
        phases=tuple(move.logbook.phases),
        dirty=entry.dirty,
    )


def _with_plan(record: MigrationRecord, facts: Facts) -> MigrationRecord:
    """What was chosen, and how far off the prediction was; nothing where a restart took the attempt up."""
    if facts.plan is None:
        return record
    predicted, succeeded = predictions_of(facts.plan), record.outcome is Outcome.SUCCEEDED
    return replace(
        record,
        rejected=tuple(RejectedRecord(method=no.method, reason=no.reason) for no in facts.plan.rejected),
        predictions=predicted,
        prediction_error_ms=error_ms(predicted, record.measurement) if succeeded else None,
        prediction_error_s=error_s(predicted, facts.total_ms) if succeeded else None,
    )


def _outline(entry: JournalEntry, finished_at: datetime, outcome: Outcome, measurement: Measurement) -> MigrationRecord:
    """What every record says: which attempt it was, and how it ended."""
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
        # A daemon that took it up may have another clock than the one that began it.
        finished_at=max(finished_at, entry.started_at),
        outcome=outcome,
        total_ms=0.0,
        max_downtime_ms=entry.max_downtime_ms,
        measurement=measurement,
        home=entry.home,
        resolves=entry.resolves,
    )


def given_up(entry: JournalEntry, finished_at: datetime, reason: str) -> MigrationRecord:
    """The record of an attempt that a person ended as it was: nothing was looked at and nothing was touched."""
    return replace(
        _outline(entry, finished_at, Outcome.CANCELLED, unmeasured(None, "the attempt was given up by a person")),
        reason=reason,
        remedy=_see_to(entry.created),
        recovered=True,
    )


def _see_to(created: Collection[VolumeAt]) -> str:
    """Nothing names these volumes but this."""
    named = ", ".join(f"{volume.pool}/{volume.name} on {volume.host}" for volume in created)
    return f"See to what this attempt created, and delete what no VM uses (virsh vol-delete): {named}." if named else ""


def decided(held: MigrationRecord, record_id: str, at: datetime, reason: str) -> MigrationRecord:
    """The record that ends a held attempt as it is: as `given_up`."""
    return MigrationRecord(
        id=record_id,
        vm=held.vm,
        uuid=held.uuid,
        source=held.source,
        destination=held.destination,
        method=held.method,
        why=held.why,
        cause=held.cause,
        attempt=held.attempt,
        started_at=at,
        finished_at=at,
        outcome=Outcome.CANCELLED,
        reason=reason,
        remedy=_see_to(held.volumes_created),
        total_ms=0.0,
        measurement=unmeasured(None, "the attempt was given up by a person"),
        home=held.home,
        recovered=True,
        resolves=held.id,
    )


def _told(move: Move, *, moved: bool) -> Told:
    entry, ends = move.entry, move.ends
    return Told(
        source=ends.source.domains.lifecycle(entry.uuid, move.logbook.started_ns),
        destination=ends.destination.domains.lifecycle(entry.uuid, move.logbook.started_ns),
        moved=moved,
    )


def _of_late_power_off(entry: JournalEntry, outcome: Outcome | None) -> tuple[str, ...]:
    if outcome is not Outcome.FAILED or not entry.may_power_off:
        return ()
    hours = int(OBEYS_FOR.total_seconds() // 3600)
    return (f"it may yet power itself off, as it was asked to: seen off within {hours} h, it is started again once",)


def _left_behind(entry: JournalEntry, cleared: Cleared) -> tuple[VolumeAt, ...]:
    return tuple(volume for volume in entry.source_volumes if volume not in cleared.deleted)


def _transfer(final: Job | None, move: Move) -> Transfer:
    job = final or move.sent
    if job is None:
        return Transfer(disk_bytes=move.disk_bytes)
    # Of a migration that is over in a moment the hypervisor has a speed now and then, or had one on the way.
    memory_bytes_s = job.memory_bytes_s or (move.sent.memory_bytes_s if move.sent else 0)
    return Transfer(
        memory_bytes=job.memory_processed_bytes,
        disk_bytes=max(move.disk_bytes, job.disk_processed_bytes),
        memory_bytes_s=memory_bytes_s or None,
        memory_iterations=job.memory_iteration,
        setup_ms=job.setup_ms,
        total_ms=job.elapsed_ms,
        # Of a job under way it would be what is expected.
        hypervisor_downtime_ms=final.downtime_ms if final else None,
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
