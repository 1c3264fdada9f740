"""The wall clock of the daemon's machine steps by an hour while a VM moves: no figure and no schedule knows of it."""

from __future__ import annotations

import struct
import subprocess
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

_SHIM = Path(__file__).with_name("wall_clock.c")
_STEP_S = 3600
_SLOW_MBIT_S = 60
_MOST_S = 60.0
"""Neither the move nor its downtime takes as long, and an hour is longer."""


class WallClock:
    """A daemon's own: set while it runs; the monotonic clock stays."""

    def __init__(self, daemon: DaemonRun, folder: Path) -> None:
        self._set_forward = folder / "wall-clock"
        self.step(0)
        library = folder / "wall_clock.so"
        build = ["gcc", "-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", str(library), str(_SHIM)]
        subprocess.run(build, check=True, timeout=60)
        daemon.wrapper = ("env", f"LD_PRELOAD={library}", f"WALL_CLOCK={self._set_forward}")

    def step(self, seconds: int) -> None:
        """Set it forward by so many seconds, or back."""
        with self._set_forward.open("r+b" if self._set_forward.exists() else "wb") as file:
            file.write(struct.pack("=q", seconds))


@pytest.mark.parametrize("step_s", [_STEP_S, -_STEP_S], ids=["forward", "back"])
def test_the_move_goes_on_and_its_figures_are_those_of_a_clock_that_did_not_step(
    step_s: int, lab: RunningLab, three: tuple[str, ...], daemon_for: Callable[..., DaemonRun], tmp_path: Path
) -> None:
    vm = three[0]
    daemon = daemon_for(vm)
    clock = WallClock(daemon, tmp_path)
    (home,) = lab.whereabouts(vm)
    away = next(host for host in lab.hosts if host != home)
    counter = lab.wait_until_ready(vm)
    with daemon.running("--rescan-s=2"):
        daemon.until_in_place(vm, home)
        faults.narrow(lab.ledger, away, _SLOW_MBIT_S)
        try:
            daemon.specs.move(vm, away)
            daemon.until(lambda: any(one.phase == "copying memory" for one in read_progress(daemon.state)), "it moves")
            clock.step(step_s)
        finally:
            faults.widen(lab.ledger, away)
        daemon.until_in_place(vm, away)
        # It goes on obeying, and looking.
        daemon.specs.move(vm, home)
        daemon.until_in_place(vm, home)
    there, back = daemon.records(vm) if step_s > 0 else reversed(daemon.records(vm))
    assert (there.destination, back.destination) == (away, home)
    for record in (there, back):
        assert record.outcome is Outcome.SUCCEEDED
        assert record.measurement.status is MeasurementStatus.MEASURED, record.measurement.reason
        assert record.measurement.downtime_upper_ms is not None
        assert 0 < record.measurement.downtime_upper_ms < 1000 * _MOST_S
        assert 0 <= (record.finished_at - record.started_at).total_seconds() < _MOST_S
    assert lab.wait_until_ready(vm) > counter
