"""Hosts whose libvirtds do not reach each other: the daemon drives live moves between them by its own connections."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest
from daemon_run import DaemonRun
from running import RunningLab
from test_restart import is_in_phase, other_than

from ferryman.downtime.values import MeasurementStatus
from ferryman.lab import faults
from ferryman.lab.guest_xml import DiskHome
from ferryman.planning.modes import Driver
from ferryman.records.audit.record import Outcome
from ferryman.specs.choices import Method

pytestmark = pytest.mark.soak

_SLOW_MBIT_S = 30


@pytest.fixture(autouse=True)
def barred(lab: RunningLab) -> Iterator[None]:
    """No host logs in at another; the daemon logs in at each, and memory and disks get through."""
    for host in lab.hosts:
        faults.bar_peers(lab.ledger, host)
    yield
    for host in lab.hosts:
        faults.heal(lab.ledger, host)


@pytest.fixture(scope="module")
def on_nfs(lab: RunningLab) -> Iterator[str]:
    """A guest whose disk both hosts see."""
    name = "driven-on-nfs"
    lab.add_guest(name, lab.hosts[0], disk=DiskHome.NFS, disk_mib=16)
    yield name
    lab.remove_guest(name)


def moved(lab: RunningLab, daemon: DaemonRun, vm: str) -> None:
    """One move by a commit, to its end: it is there and counts on, and its record says who drove it and why."""
    (home,) = lab.whereabouts(vm)
    away = other_than(lab, home)
    before = lab.wait_until_ready(vm)
    daemon.specs.move(vm, away)
    assert daemon.once() == 0, daemon.log_text()
    assert lab.whereabouts(vm) == {away: "running"}
    assert lab.wait_until_ready(vm) >= before
    (record,) = daemon.records()
    assert record.outcome is Outcome.SUCCEEDED, record.reason
    assert record.driven_by is Driver.DAEMON
    assert f"the libvirtd of {home} does not reach that of {away}" in record.driven_because
    assert record.measurement.status is MeasurementStatus.MEASURED, record.measurement.reason
    assert any("if it dies in one" in warning for warning in record.warnings)


@pytest.mark.parametrize("method", [Method.LIVE, Method.POST_COPY, Method.PAUSED])
def test_its_disk_is_copied_and_it_counts_on(
    method: Method, three: tuple[str, ...], lab: RunningLab, daemon_for: Callable[..., DaemonRun]
) -> None:
    daemon = daemon_for(three[0])
    daemon.specs.replace(f"vms/{three[0]}.toml", 'method = "auto"', f'method = "{method}"')
    moved(lab, daemon, three[0])


def test_its_disk_is_shared_and_it_counts_on(
    on_nfs: str, lab: RunningLab, daemon_for: Callable[..., DaemonRun]
) -> None:
    moved(lab, daemon_for(on_nfs), on_nfs)


def test_plan_says_who_drives_it_what_that_costs_and_what_ends_it(
    three: tuple[str, ...], lab: RunningLab, daemon_for: Callable[..., DaemonRun]
) -> None:
    daemon = daemon_for(three[0])
    (home,) = lab.whereabouts(three[0])
    daemon.specs.move(three[0], other_than(lab, home))
    plan = daemon.ferryman("plan", "--json", "--specs", str(daemon.specs.folder))
    assert plan.returncode == 0, plan.stderr
    decided = json.loads(plan.stdout)["decisions"][three[0]]
    assert decided["driven_by"] == "daemon"
    (warning,) = [one for one in decided["warnings"] if one["code"] == "libvirtd-unreached"]
    assert "the move is cancelled" in warning["reason"]
    assert "ssh: " not in warning["remedy"]
    assert "Open port 22" in warning["remedy"]


@pytest.mark.parametrize("phase", ["copying disks", "copying memory"])
def test_a_daemon_killed_in_it_finds_the_guest_where_it_was_and_moves_it_then(
    phase: str, three: tuple[str, ...], lab: RunningLab, daemon_for: Callable[..., DaemonRun]
) -> None:
    vm = three[1]
    daemon = daemon_for(vm)
    (home,) = lab.whereabouts(vm)
    away = other_than(lab, home)
    before = lab.wait_until_ready(vm)
    lab.fill(vm, 8)
    daemon.specs.move(vm, away)
    faults.narrow(lab.ledger, away, _SLOW_MBIT_S)
    try:
        daemon.start("--once")
        daemon.until(lambda: is_in_phase(daemon, vm, phase), phase)
        daemon.kill()
    finally:
        faults.widen(lab.ledger, away)
    assert lab.whereabouts(vm)[home] == "running"
    with daemon.running():
        daemon.until(lambda: bool(daemon.records()), "the killed one's move has its record")
        daemon.until_in_place(vm, away)
    assert lab.whereabouts(vm) == {away: "running"}
    assert lab.wait_until_ready(vm) > before
    killed, *_, last = daemon.records()
    assert (killed.outcome, killed.recovered, killed.driven_by) == (Outcome.FAILED, True, Driver.DAEMON)
    assert (last.outcome, last.driven_by) == (Outcome.SUCCEEDED, Driver.DAEMON)
    assert last.volumes_created, "what the killed one had created was gone"
