"""Values that several tests of the records begin from."""

from __future__ import annotations

from datetime import UTC, datetime

from ferryman.downtime.values import Measurement, MeasurementStatus
from ferryman.planning.plans import Cause
from ferryman.records.audit.record import CauseRecord, MigrationRecord, Outcome, Verdict, VolumeAt
from ferryman.records.journal.entry import JournalEntry, Step
from ferryman.records.state.states import Condition, ConditionType, VmState
from ferryman.specs.choices import Method

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
REVISION = "3f2a0c1d" * 5
UUID = "6b9a7c1e-0000-4000-8000-000000000001"
CAUSE = CauseRecord(kind=Cause.SPEC, revision=REVISION, author="Ann <ann@example.org>", subject="Move it")
MEASURED = Measurement(
    status=MeasurementStatus.MEASURED,
    downtime_ms=94.0,
    downtime_lower_ms=90.0,
    downtime_upper_ms=100.0,
    outages=1,
    interval_ms=10.0,
)
UNMEASURED = Measurement(status=MeasurementStatus.UNMEASURED, reason="no address")


def volume(host: str, name: str = "guest-01.qcow2") -> VolumeAt:
    return VolumeAt(host=host, pool="vms", name=name)


def ready(name: str, since: datetime = NOON) -> VmState:
    condition = Condition(type=ConditionType.READY, reason="InPlace", message="It is there.", since=since)
    return VmState(name=name, host="tallinn", power="running", conditions=(condition,))


def record(
    *,
    record_id: str = "20261123T120000Z-guest-01-3f2a",
    started_at: datetime = NOON,
    vm: str = "guest-01",
    uuid: str = UUID,
    source: str = "tallinn",
    destination: str = "skopje",
    method: Method = Method.LIVE,
    outcome: Outcome = Outcome.SUCCEEDED,
    measurement: Measurement = MEASURED,
    created: tuple[VolumeAt, ...] = (),
    left_behind: tuple[VolumeAt, ...] = (),
    reason: str = "",
) -> MigrationRecord:
    return MigrationRecord(
        id=record_id,
        vm=vm,
        uuid=uuid,
        source=source,
        destination=destination,
        method=method,
        why="Its spec names skopje; live is allowed and possible.",
        cause=CAUSE,
        attempt=1,
        started_at=started_at,
        finished_at=started_at,
        outcome=outcome,
        reason=reason,
        total_ms=1800.0,
        verdict=Verdict.MET,
        max_downtime_ms=500,
        measurement=measurement,
        volumes_created=created,
        left_behind=left_behind,
    )


def entry(vm: str = "guest-01", step: Step = Step.PREPARING) -> JournalEntry:
    return JournalEntry(
        id=f"20261123T120000Z-{vm}-3f2a",
        vm=vm,
        uuid=UUID,
        source="tallinn",
        destination="skopje",
        method=Method.LIVE,
        running=True,
        step=step,
        why="Its spec names skopje.",
        cause=CAUSE,
        attempt=1,
        started_at=NOON,
        created=(volume("skopje"),),
    )
