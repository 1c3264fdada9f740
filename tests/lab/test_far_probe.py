"""A VM whose network the daemon does not reach is probed from a host that does, by that host's own Python."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from daemon_run import DaemonRun
from running import RunningLab

from ferryman.downtime.values import MeasurementStatus
from ferryman.records.audit.record import MigrationRecord, Outcome

pytestmark = pytest.mark.soak

SOON_S = 30.0


@contextmanager
def out_of_reach(lab: RunningLab, guest: str) -> Iterator[None]:
    """No way leads from the daemon's machine to the guest."""
    route = ["blackhole", f"{lab.address(guest)}/32"]
    lab.ledger.operator.run("ip", "route", "add", *route)
    try:
        yield
    finally:
        lab.ledger.operator.run("ip", "route", "del", *route)


def ways(lab: RunningLab, vm: str) -> tuple[str, str, str]:
    """Where it is, where it goes, and the host between."""
    (home,) = lab.whereabouts(vm)
    away, third = (host for host in lab.hosts if host != home)
    return home, away, third


def probed_from(daemon: DaemonRun, vm: str, host: str, *, method: str = "live") -> None:
    file = f"vms/{vm}.toml"
    daemon.specs.replace(file, "[probe]\n", f'[probe]\nfrom = "{host}"\n')
    daemon.specs.replace(file, 'allow = ["live"]', f'allow = ["{method}"]')
    daemon.specs.commit(f"Probe {vm} from {host}")


def moved(daemon: DaemonRun, vm: str, away: str, meanwhile: Callable[[], None] = lambda: None) -> MigrationRecord:
    with daemon.running():
        daemon.specs.move(vm, away)
        meanwhile()
        daemon.until_in_place(vm, away)
    return daemon.records(vm)[-1]


def test_a_guest_out_of_the_daemons_reach_is_measured(
    lab: RunningLab, three: tuple[str, ...], daemon_for: Callable[..., DaemonRun]
) -> None:
    vm = three[1]
    home, away, third = ways(lab, vm)
    daemon = daemon_for(vm)
    probed_from(daemon, vm, third)
    with out_of_reach(lab, vm):
        record = moved(daemon, vm, away)
    measured, parts = record.measurement, record.attribution
    assert (record.source, record.outcome) == (home, Outcome.SUCCEEDED)
    assert (measured.status, measured.reason) == (MeasurementStatus.MEASURED, "")
    assert record.probed_from == third
    assert record.probe_clock_error_ms is not None
    assert 0 < record.probe_clock_error_ms < 20
    assert parts is not None
    assert parts.unknown_ms == 0, parts.unknown_because
    assert parts.guest_ms + parts.network_ms + parts.service_ms == pytest.approx(measured.downtime_ms, abs=1e-6)


def test_a_session_that_breaks_in_mid_move_leaves_a_hole_that_widens_the_bounds(
    lab: RunningLab, three: tuple[str, ...], daemon_for: Callable[..., DaemonRun]
) -> None:
    vm = three[1]
    home, away, third = ways(lab, vm)
    daemon = daemon_for(vm)
    probed_from(daemon, vm, third, method="cold")

    def end_session() -> None:
        until(lambda: lab.whereabouts(vm).get(home) == "shut off")
        namespace = lab.ledger.namespace(third)
        prober = namespace.run("pgrep", "--full", "python3 -I -S -c").split()[-1]
        session = namespace.run("ps", "-o", "ppid=", "-p", prober).strip()
        namespace.run("kill", "-KILL", session)

    measured = moved(daemon, vm, away, end_session).measurement
    assert measured.status is MeasurementStatus.MEASURED, measured.reason
    assert measured.downtime_upper_ms is not None
    assert measured.downtime_lower_ms is not None
    assert measured.downtime_upper_ms - measured.downtime_lower_ms > 500


def test_a_host_without_python_measures_nothing_and_says_what_to_install(
    lab: RunningLab, three: tuple[str, ...], daemon_for: Callable[..., DaemonRun]
) -> None:
    vm = three[1]
    _, away, third = ways(lab, vm)
    daemon = daemon_for(vm)
    probed_from(daemon, vm, third)
    with without_python(lab, third):
        record = moved(daemon, vm, away)
    assert (record.outcome, record.measurement.status) == (Outcome.SUCCEEDED, MeasurementStatus.UNMEASURED)
    assert f"{third} has no python3 that runs: apt-get install" in record.measurement.reason


@contextmanager
def without_python(lab: RunningLab, host: str) -> Iterator[None]:
    """The Pythons that the host's shell finds are covered up by what does not run."""
    namespace = lab.ledger.namespace(host)
    found = lab.exec(["ssh", f"root@{host}", "which -a python3 | xargs readlink -f | sort -u"]).stdout.split()
    covered: list[str] = []
    try:
        for python in found:
            namespace.run("mount", "--bind", "/dev/null", python)
            covered.append(python)
        yield
    finally:
        for python in covered:
            namespace.run("umount", python)


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SOON_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)
