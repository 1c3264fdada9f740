"""A state folder and a specs folder as the commands find them."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from click.testing import CliRunner, Result

from ferryman.cli import main
from ferryman.downtime.values import Measurement, MeasurementStatus
from ferryman.fleet.hypervisor import Connect
from ferryman.planning.plans import Cause
from ferryman.records.audit.record import CauseRecord, MigrationRecord, Outcome, Verdict
from ferryman.records.state.states import Condition, ConditionType, HostState, VmState
from ferryman.records.store import StateStore
from ferryman.specs.choices import Method

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
MEASURED = Measurement(
    status=MeasurementStatus.MEASURED, downtime_ms=94.4, downtime_lower_ms=90.0, downtime_upper_ms=100.0, outages=1
)


def ferryman(*arguments: str | os.PathLike[str], connect: Connect | None = None) -> Result:
    """Run a command as its user does; what it dies of comes out here."""
    return CliRunner().invoke(
        main, [os.fspath(argument) for argument in arguments], obj=connect, catch_exceptions=False
    )


def condition(kind: ConditionType = ConditionType.READY, reason: str = "InPlace") -> Condition:
    return Condition(type=kind, reason=reason, message=f"It is said: {reason}.", remedy="Do so.", since=NOON)


def vm_state(name: str = "guest-01", said: Condition | None = None) -> VmState:
    return VmState(name=name, host="tallinn", power="running", conditions=(said or condition(),))


def record(vm: str = "guest-01", hours: int = 0, destination: str = "skopje") -> MigrationRecord:
    """A move that began so many hours after noon."""
    began = NOON + timedelta(hours=hours)
    return MigrationRecord(
        id=f"{began:%Y%m%dT%H%M%SZ}-{vm}-3f2a",
        vm=vm,
        uuid="6b9a7c1e-0000-4000-8000-000000000001",
        source="tallinn",
        destination=destination,
        method=Method.LIVE,
        why="its spec wants it there",
        cause=CauseRecord(kind=Cause.SPEC, revision="3f2a0c1d" * 5, author="Ann <ann@example.org>", subject="Move it"),
        attempt=1,
        started_at=began,
        finished_at=began,
        outcome=Outcome.SUCCEEDED,
        total_ms=1800.0,
        verdict=Verdict.MET,
        max_downtime_ms=500,
        measurement=MEASURED,
    )


def written(folder: Path, *values: VmState | HostState | MigrationRecord) -> Path:
    """A state folder that holds these."""
    with StateStore.open(folder) as store:
        for value in values:
            match value:
                case VmState():
                    store.write_vm(value)
                case HostState():
                    store.write_host(value)
                case MigrationRecord():
                    store.write_record(value)
    return folder


def specs(folder: Path, **files: str) -> Path:
    """A specs folder with hosts tallinn and skopje, and these VMs by name: what their file says."""
    for host in ("tallinn", "skopje"):
        _write(folder / "hosts" / f"{host}.toml", f'name = "{host}"\nuri = "qemu+ssh://root@{host}/system"\n')
    for name, text in files.items():
        vm = name.replace("_", "-")
        _write(folder / "vms" / f"{vm}.toml", f'name = "{vm}"\n{text}')
    return folder


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
