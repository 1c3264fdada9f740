"""Figures in words."""

from __future__ import annotations

from dataclasses import replace

import pytest
from written_state import MEASURED, NOON

from ferryman.cli.words import downtime, progress
from ferryman.downtime.values import Measurement, MeasurementStatus
from ferryman.records.progress_files import Progress
from ferryman.specs.choices import Method

MIB = 1024 * 1024
BEGUN = Progress(
    vm="guest-01",
    id="one",
    source="tallinn",
    destination="skopje",
    method=Method.LIVE,
    phase="preparing",
    started_at=NOON,
    updated_at=NOON,
    probe="up, 12 answered, 0 lost",
)


@pytest.mark.parametrize(
    ("measurement", "said"),
    [
        (MEASURED, "down 94 ms (90-100)"),
        (
            Measurement(status=MeasurementStatus.NOT_BACK, downtime_lower_ms=30_250.0),
            "NOT ANSWERING for at least 30.2 s",
        ),
        (
            Measurement(status=MeasurementStatus.UNMEASURED, reason="the VM was shut off"),
            "downtime not measured (the VM was shut off)",
        ),
    ],
)
def test_a_downtime_is_never_silently_nothing(measurement: Measurement, said: str) -> None:
    assert downtime(measurement) == said


def test_a_service_that_does_not_work_behind_its_port_is_told() -> None:
    broken = replace(MEASURED, reason="nothing is said on port 22")
    assert downtime(broken) == "down 94 ms (90-100); nothing is said on port 22"


def test_progress_tells_only_what_is_known() -> None:
    assert progress(BEGUN) == "guest-01 tallinn -> skopje (live) preparing | probe: up, 12 answered, 0 lost"
    further = replace(
        BEGUN,
        phase="copying memory",
        disk_total_bytes=64 * MIB,
        disk_processed_bytes=64 * MIB,
        memory_total_bytes=96 * MIB,
        iteration=2,
        bandwidth_mib_s=41.6,
    )
    assert "copying memory | disk 64/64 MiB | memory 0/96 MiB | pass 2 | 42 MiB/s | probe:" in progress(further)
