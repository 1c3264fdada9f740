"""An audit trail as a year of a fleet would leave it, made up and always the same."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from math import exp

from ferryman.downtime.values import Measurement, MeasurementStatus
from ferryman.migration.foretold import error_ms
from ferryman.planning.decisions import Cause
from ferryman.records.audit.head import CauseRecord, Outcome, Transfer
from ferryman.records.audit.ids import migration_id
from ferryman.records.audit.record import MigrationRecord, PhaseTiming, PredictionRecord
from ferryman.records.audit.verdict import verdict
from ferryman.specs.choices import Method

BEGAN = datetime(2026, 11, 1, 8, 0, tzinfo=UTC)
TYPICAL_MS = {Method.LIVE: 70.0, Method.POST_COPY: 45.0, Method.PAUSED: 900.0, Method.COLD: 9000.0}
_VMS = 12
_HOSTS = ("tallinn", "skopje", "oslo")


def trail(moves: int, *, every_h: float = 0.8) -> list[MigrationRecord]:
    """So many records, the oldest first: measured mostly, each kind of trouble now and then."""
    chance = random.Random(1)
    return [_record(chance, number, BEGAN + timedelta(hours=number * every_h)) for number in range(moves)]


def measured(downtime_ms: float, *, bounds_ms: float = 10.0) -> Measurement:
    """A measurement whose downtime lies between bounds so far apart."""
    return Measurement(
        status=MeasurementStatus.MEASURED,
        downtime_ms=downtime_ms,
        downtime_lower_ms=max(downtime_ms - bounds_ms, 0.0),
        downtime_upper_ms=downtime_ms + bounds_ms,
        outages=1,
        interval_ms=10.0,
        in_time_ms=50.0,
        samples=300,
    )


def _record(chance: random.Random, number: int, began: datetime) -> MigrationRecord:
    method = chance.choices(list(TYPICAL_MS), (70, 10, 3, 17))[0]
    measurement = _measurement(chance, method)
    promise_ms = {Method.LIVE: 150, Method.COLD: 15000}.get(method)
    source, destination = chance.sample(_HOSTS, 2)
    outcome = chance.choices(list(Outcome), (95, 3, 1, 1))[0]
    duration_s = 2.0 + (measurement.downtime_ms or 0.0) / 1000
    return MigrationRecord(
        id=migration_id(began, f"guest-{number % _VMS:02}", chance.getrandbits(16)),
        vm=f"guest-{number % _VMS:02}",
        uuid="6b9a7c1e-0000-4000-8000-000000000001",
        source=source,
        destination=destination,
        method=method,
        why=f"Its spec names {destination}; {method} is allowed and possible.",
        cause=CauseRecord(
            kind=chance.choice(list(Cause)), revision=f"{chance.getrandbits(160):040x}", subject="Move it"
        ),
        attempt=1,
        started_at=began,
        finished_at=began + timedelta(seconds=duration_s),
        outcome=outcome,
        reason="" if outcome is Outcome.SUCCEEDED else "skopje closed the connection",
        remedy="" if outcome is Outcome.SUCCEEDED else "See its log: journalctl -u libvirtd",
        total_ms=duration_s * 1000,
        verdict=verdict(measurement, promise_ms),
        max_downtime_ms=promise_ms,
        measurement=measurement,
        transfer=Transfer(hypervisor_downtime_ms=round(TYPICAL_MS[method] * 0.7))
        if method is not Method.COLD
        else Transfer(),
        phases=(
            PhaseTiming(name="preparing", started_ms=1.0, duration_ms=420.0),
            PhaseTiming(name="migrating", started_ms=421.0, duration_ms=duration_s * 1000 - 421.0),
        ),
        predictions=(_prediction(method),),
        prediction_error_ms=error_ms([_prediction(method)], measurement),
    )


def _prediction(method: Method) -> PredictionRecord:
    return PredictionRecord(
        method=method, chosen=True, downtime_ms=TYPICAL_MS[method], duration_s=2.5, basis="its last moves"
    )


def _measurement(chance: random.Random, method: Method) -> Measurement:
    luck = chance.random()
    if luck < 0.03:
        return Measurement(status=MeasurementStatus.UNMEASURED, reason="no probe was answered before the move")
    if luck < 0.04:
        return Measurement(status=MeasurementStatus.NOT_BACK, downtime_lower_ms=30000.0, reason="it had not answered")
    if luck < 0.06:
        return Measurement(
            status=MeasurementStatus.MEASURED, downtime_ms=0.0, downtime_lower_ms=0.0, downtime_upper_ms=21.0
        )
    return measured(round(TYPICAL_MS[method] * exp(chance.gauss(0, 0.35)), 2), bounds_ms=chance.uniform(5, 25))
