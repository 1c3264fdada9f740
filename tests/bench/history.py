"""`ferryman history` and `ferryman report` over 10,000 records: each is to answer within 2 s, also the first time.

The records are generated, and as large as real ones. Needs no lab.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ferryman.downtime.values import Measurement, MeasurementStatus
from ferryman.planning.plans import Cause
from ferryman.records import toml_files
from ferryman.records.audit.cache import FOLDER as CACHE
from ferryman.records.audit.ids import migration_id
from ferryman.records.audit.record import (
    CauseRecord,
    MigrationRecord,
    Outcome,
    PhaseTiming,
    PredictionRecord,
    Transfer,
    Verdict,
    VolumeAt,
)
from ferryman.specs.choices import Method

_MOST_S = 2.0
_BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
_APART = timedelta(minutes=50)
_METHODS = (Method.LIVE, Method.COLD, Method.POST_COPY, Method.PAUSED)
_QUESTIONS: tuple[tuple[str, ...], ...] = (
    ("history",),
    ("history", "--vm", "guest-07", "--limit", "10000"),
    ("history", "--verdict", "missed"),
    ("history", "--since", "2026-06-01", "--until", "2026-07-01", "--json", "--limit", "10000"),
    ("history", "--limit", "10000"),
    ("history", "--json", "--limit", "10000"),
    ("report", "--out", "report.html"),
)


def main() -> None:
    """Generate, ask, and fail where an answer was late."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=10_000)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ferryman-bench-") as name:
        state = Path(name)
        generate(state, wanted.records)
        late = [question for question in _QUESTIONS if not answered_in_time(state, question)]
    sys.exit(1 if late else 0)


def generate(state: Path, number: int) -> None:
    """Write so many records, of 50 VMs over months, three of them with a promise missed."""
    for index in range(number):
        record = generated(index, missed=index in {number // 7, number // 3, number // 2})
        path = state / "migrations" / f"{record.started_at:%Y}" / f"{record.started_at:%m}" / f"{record.id}.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(toml_files.to_toml(record))


def answered_in_time(state: Path, question: tuple[str, ...]) -> bool:
    """Asked with nothing remembered, and three times more."""
    for remembered in (state / CACHE).glob("*"):
        remembered.unlink()
    first_s, *later_s = [asked_s(state, question) for _ in range(4)]
    print(f"{' '.join(question)}: first {first_s:.2f} s, then {max(later_s):.2f} s (at most {_MOST_S:g})", flush=True)
    return max(first_s, *later_s) <= _MOST_S


def asked_s(state: Path, question: tuple[str, ...]) -> float:
    """How long one answer took, the program's start included."""
    began = time.monotonic()
    command = [sys.executable, "-m", "ferryman.cli", question[0], "--state", str(state), *question[1:]]
    subprocess.run(command, check=True, capture_output=True, cwd=state)
    return time.monotonic() - began


def generated(index: int, *, missed: bool) -> MigrationRecord:
    """A record as a live move with a copied disk leaves it."""
    began, vm = _BEGAN + index * _APART, f"guest-{index % 50:02}"
    source, destination = ("tallinn", "skopje") if index // 50 % 2 else ("skopje", "tallinn")
    method = _METHODS[index % 4]
    return MigrationRecord(
        id=migration_id(began, vm, index),
        vm=vm,
        uuid=f"6b9a7c1e-0000-4000-8000-{index % 50:012}",
        source=source,
        destination=destination,
        method=method,
        why=f"its spec wants it on {destination}; {method} is the least disruptive method that its spec allows",
        cause=CauseRecord(kind=Cause.SPEC, revision="3f2a0c1d" * 5, author="Ann <ann@example.org>", subject="Move it"),
        attempt=1,
        started_at=began,
        finished_at=began + timedelta(seconds=9),
        outcome=Outcome.SUCCEEDED,
        total_ms=4481.0,
        verdict=Verdict.MISSED if missed else Verdict.MET,
        max_downtime_ms=500,
        measurement=_measured(90.0 + index % 97),
        transfer=Transfer(memory_bytes=88_076_349, disk_bytes=67_108_864, memory_iterations=3, total_ms=3727),
        phases=tuple(PhaseTiming(name=f"phase-{at}", started_ms=379.42 * at, duration_ms=340.88) for at in range(6)),
        predictions=tuple(_prediction(method) for method in _METHODS),
        volumes_created=(_disk(destination),),
        left_behind=(replace(_disk(source), path="/var/lib/libvirt/images/guest.qcow2"),),
        home=destination,
    )


def _measured(downtime_ms: float) -> Measurement:
    return Measurement(
        status=MeasurementStatus.MEASURED,
        downtime_ms=downtime_ms,
        downtime_lower_ms=downtime_ms - 5.25,
        downtime_upper_ms=downtime_ms + 5.25,
        total_outage_ms=downtime_ms + 5.25,
        outages=1,
        interval_ms=10,
        samples=548,
        lost=9,
        baseline_samples=288,
        baseline_round_trip_median_ms=7.67,
        baseline_round_trip_max_ms=114.2,
        in_time_ms=192.1,
        address="10.77.0.101",
        port=22,
    )


def _prediction(method: Method) -> PredictionRecord:
    return PredictionRecord(method=method, downtime_ms=248.0, duration_s=5.1, basis="it writes 2 MiB/s")


def _disk(host: str) -> VolumeAt:
    return VolumeAt(host=host, pool="vms", name="guest.qcow2")


if __name__ == "__main__":
    main()
