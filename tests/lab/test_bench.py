"""`ferryman bench` on real hosts: there and back, killed in the middle, resumed; and nothing is left of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from daemon_run import DaemonRun
from running import RunningLab

from ferryman.planning.plans import Cause

pytestmark = pytest.mark.soak

VM = "benched"
PATIENCE_S = 240.0


@pytest.fixture
def fleet(lab: RunningLab, daemon_for: Callable[..., DaemonRun]) -> Iterator[DaemonRun]:
    """A guest that is in place, and may be powered off."""
    lab.add_guest(VM, lab.hosts[0])
    fleet = daemon_for(VM)
    fleet.specs.replace(f"vms/{VM}.toml", 'allow = ["live"]', 'allow = ["live", "cold"]')
    fleet.specs.commit("It may be powered off")
    yield fleet
    lab.remove_guest(VM)


def bench(fleet: DaemonRun, *options: str) -> list[str]:
    hosts = fleet.lab.hosts
    return fleet.command("bench", VM, "--specs", str(fleet.specs.folder), "--between", hosts[0], hosts[1], *options)


def test_killed_in_a_move_it_goes_on_and_ends_where_it_began(fleet: DaemonRun, tmp_path: Path) -> None:
    counted = fleet.lab.counter(VM)
    with (tmp_path / "bench.log").open("wb") as log:
        killed = subprocess.Popen(
            bench(fleet, "--iterations", "1", "--method", "live", "--method", "cold"),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    fleet.until(
        lambda: len(fleet.records(VM)) == 2 and any(fleet.state.glob("journal/*.toml")), "a cold move is on", 120
    )
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    done = subprocess.run(
        bench(fleet, "--resume", "--json"), capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert {one["method"]: one["moves"] for one in told["summaries"] if one["direction"] == "both ways"} == {
        "live": 2,
        "cold": 2,
    }
    assert {record.cause.kind for record in fleet.records(VM)} == {Cause.BENCH}
    assert fleet.lab.whereabouts(VM) == {fleet.lab.hosts[0]: "running"}
    assert fleet.lab.disks(VM) == {fleet.lab.hosts[0]}
    assert fleet.lab.wait_until_ready(VM) >= counted
    moves = len(fleet.records(VM))
    assert fleet.once() == 0
    assert len(fleet.records(VM)) == moves
