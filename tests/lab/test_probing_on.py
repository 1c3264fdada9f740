"""A daemon killed in a move: the next one tells how long the VM was down at most; silent, the VM is announced."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from daemon_run import DaemonRun
from running import RunningLab
from test_announcing import deaf, hears_again
from test_restart import is_in_phase, other_than

from ferryman.downtime.values import MeasurementStatus
from ferryman.lab import faults
from ferryman.records.audit.record import MigrationRecord
from ferryman.records.audit.timeline import Mark

pytestmark = pytest.mark.soak


def killed_while_memory_moves(lab: RunningLab, daemon: DaemonRun, vm: str, away: str) -> None:
    """The move goes on without its daemon, and has arrived when this returns."""
    (home,) = lab.whereabouts(vm)
    daemon.start()
    daemon.until_in_place(vm, home)
    faults.narrow(lab.ledger, away, 30)
    try:
        daemon.specs.move(vm, away)
        daemon.until(lambda: is_in_phase(daemon, vm, "copying memory"), "memory is being copied")
        daemon.kill()
    finally:
        faults.widen(lab.ledger, away)
    while lab.whereabouts(vm).get(away) != "running":
        time.sleep(0.1)


def finished(daemon: DaemonRun, vm: str, away: str) -> MigrationRecord:
    with daemon.running():
        daemon.until_in_place(vm, away)
    (record,) = daemon.records()
    assert record.recovered
    assert record.measurement.status is MeasurementStatus.MEASURED, record.measurement.reason
    assert "nobody probed for" in record.measurement.reason
    return record


def test_what_nobody_saw_lies_within_the_bounds(
    three: tuple[str, ...], lab: RunningLab, daemon_for: Callable[..., DaemonRun]
) -> None:
    vm = three[0]
    (home,) = lab.whereabouts(vm)
    away = other_than(lab, home)
    daemon = daemon_for(vm)
    killed_while_memory_moves(lab, daemon, vm, away)
    lab.wait_until_ready(vm)
    record = finished(daemon, vm, away)
    measured = record.measurement
    assert measured.downtime_lower_ms == 0
    assert 0 < (measured.downtime_ms or 0) < (measured.downtime_upper_ms or 0)
    assert record.attribution is not None
    assert record.attribution.unknown_ms == measured.downtime_ms


def test_a_guest_that_arrived_meanwhile_and_is_silent_is_announced(
    three: tuple[str, ...], lab: RunningLab, daemon_for: Callable[..., DaemonRun]
) -> None:
    vm = three[0]
    (home,) = lab.whereabouts(vm)
    away = other_than(lab, home)
    daemon = daemon_for(vm)
    with deaf(lab, vm, away):
        killed_while_memory_moves(lab, daemon, vm, away)
        healer = threading.Thread(target=hears_again, args=(lab, vm, away))
        healer.start()
        record = finished(daemon, vm, away)
        healer.join()
    assert record.announcements == sum(entry.mark is Mark.ANNOUNCED for entry in record.timeline) >= 1
