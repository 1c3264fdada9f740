"""The wall clock of the daemon's machine steps by an hour while a VM moves: no figure and no schedule knows of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from daemon_run import DaemonRun
from running import RunningLab

from ferryman.downtime.values import MeasurementStatus
from ferryman.lab import faults
from ferryman.records.audit.record import Outcome
from ferryman.records.progress_files import read_progress

pytestmark = pytest.mark.soak

_LIBRARIES, _NAME = Path("/usr/lib"), "*/faketime/libfaketimeMT.so.1"
_SLOW_MBIT_S = 60
_MOST_S = 60.0
"""Neither the move nor its downtime takes as long, and an hour is longer."""


def clock_of(daemon: DaemonRun, folder: Path) -> Path:
    """Give it a wall clock of its own, set by what is written into this file; the monotonic one stays."""
    (library,) = _LIBRARIES.glob(_NAME)
    clock = folder / "clock"
    clock.write_text("+0\n")
    settings = {
        "LD_PRELOAD": library,
        "FAKETIME_TIMESTAMP_FILE": clock,
        "FAKETIME_NO_CACHE": 1,
        "FAKETIME_DONT_FAKE_MONOTONIC": 1,
        "FAKETIME_SKIP_CMDS": "git,ssh",
    }
    daemon.wrapper = ("env", *(f"{name}={value}" for name, value in settings.items()))
    return clock


@pytest.mark.parametrize("step", ["+1h", "-1h"])
def test_the_move_goes_on_and_its_figures_are_those_of_a_clock_that_did_not_step(
    step: str, lab: RunningLab, three: tuple[str, ...], daemon_for: Callable[..., DaemonRun], tmp_path: Path
) -> None:
    vm = three[0]
    daemon = daemon_for(vm)
    clock = clock_of(daemon, tmp_path)
    (home,) = lab.whereabouts(vm)
    away = next(host for host in lab.hosts if host != home)
    counter = lab.wait_until_ready(vm)
    with daemon.running("--rescan-s=2"):
        daemon.until_in_place(vm, home)
        faults.narrow(lab.ledger, away, _SLOW_MBIT_S)
        try:
            daemon.specs.move(vm, away)
            daemon.until(lambda: any(one.phase == "copying memory" for one in read_progress(daemon.state)), "it moves")
            clock.write_text(f"{step}\n")
        finally:
            faults.widen(lab.ledger, away)
        daemon.until_in_place(vm, away)
        # It goes on obeying, and looking.
        daemon.specs.move(vm, home)
        daemon.until_in_place(vm, home)
    there, back = daemon.records(vm) if step == "+1h" else reversed(daemon.records(vm))
    assert (there.destination, back.destination) == (away, home)
    for record in (there, back):
        assert record.outcome is Outcome.SUCCEEDED
        assert record.measurement.status is MeasurementStatus.MEASURED, record.measurement.reason
        assert record.measurement.downtime_upper_ms is not None
        assert 0 < record.measurement.downtime_upper_ms < 1000 * _MOST_S
        assert 0 <= (record.finished_at - record.started_at).total_seconds() < _MOST_S
    assert lab.wait_until_ready(vm) > counter
