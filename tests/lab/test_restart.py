"""Whatever ends the daemon, the next one finds what was under way and brings it to one end."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator

import pytest
from daemon_run import DaemonRun
from running import RunningLab

from ferryman.downtime.values import MeasurementStatus
from ferryman.lab import faults
from ferryman.records.audit.record import Outcome
from ferryman.records.progress_files import read_progress

_SLOW_MBIT_S = 30
"""A guest's disk and memory take half a minute."""
_FASTER_MBIT_S = 100
"""Not all that there is: a link that is suddenly fifty times as fast leaves the daemon no time to see the end near."""


@pytest.fixture
def slow(lab: RunningLab) -> Iterator[Callable[[str], None]]:
    """Narrows the link of a host, until the test ends."""
    narrowed: list[str] = []

    def narrow(host: str) -> None:
        narrowed.append(host)
        faults.narrow(lab.ledger, host, _SLOW_MBIT_S)

    yield narrow
    for host in narrowed:
        faults.widen(lab.ledger, host)


def is_in_phase(daemon: DaemonRun, vm: str, phase: str) -> bool:
    """Whether the live progress says that the VM's move is there."""
    return any((one.vm, one.phase) == (vm, phase) for one in read_progress(daemon.state))


def other_than(lab: RunningLab, home: str) -> str:
    """Another host."""
    return next(host for host in lab.hosts if host != home)


def test_a_live_move_outlives_a_killed_daemon_and_is_adopted(
    three: tuple[str, ...], lab: RunningLab, daemon_for: Callable[..., DaemonRun], slow: Callable[[str], None]
) -> None:
    vm = three[0]
    daemon = daemon_for(vm)
    (home,) = lab.whereabouts(vm)
    away = other_than(lab, home)
    before = lab.wait_until_ready(vm)
    daemon.start()
    daemon.until_in_place(vm, home)
    slow(away)
    daemon.specs.move(vm, away)
    daemon.until(lambda: is_in_phase(daemon, vm, "copying memory"), "memory is being copied")
    daemon.kill()
    assert lab.whereabouts(vm)[home] == "running"
    with daemon.running():
        daemon.until(lambda: is_in_phase(daemon, vm, "copying memory"), "the new daemon watches the old one's move")
        faults.narrow(lab.ledger, away, _FASTER_MBIT_S)
        daemon.until_in_place(vm, away)
    assert lab.whereabouts(vm) == {away: "running"}
    assert lab.wait_until_ready(vm) > before
    (record,) = daemon.records()
    assert (record.outcome, record.recovered, record.attempt) == (Outcome.SUCCEEDED, True, 1)
    assert (record.source, record.destination) == (home, away)
    measured = record.measurement
    assert measured.status is MeasurementStatus.MEASURED, measured.reason
    assert 0 < (measured.downtime_lower_ms or 0) <= (measured.downtime_ms or 0) <= (measured.downtime_upper_ms or 0)
    assert "nobody probed for" in measured.reason
    assert daemon.ferryman("status").returncode == 0


def test_a_cold_move_is_taken_back_when_the_daemon_is_stopped(
    three: tuple[str, ...], lab: RunningLab, daemon_for: Callable[..., DaemonRun], slow: Callable[[str], None]
) -> None:
    vm = three[1]
    daemon = daemon_for(vm)
    daemon.specs.replace(f"vms/{vm}.toml", 'method = "auto"', 'method = "cold"')
    (home,) = lab.whereabouts(vm)
    away = other_than(lab, home)
    before = lab.wait_until_ready(vm)
    lab.fill(vm, 24)
    daemon.start()
    daemon.until_in_place(vm, home)
    slow(away)
    daemon.specs.move(vm, away)
    daemon.until(lambda: is_in_phase(daemon, vm, "mirroring disks"), "disks are being mirrored")
    daemon.stop()
    assert lab.whereabouts(vm) == {home: "running"}
    assert lab.disks(vm) == {home}
    assert lab.wait_until_ready(vm) >= before
    (record,) = daemon.records()
    assert (record.outcome, record.source, record.destination) == (Outcome.FAILED, home, away)
    assert "stopped" in record.reason
    assert record.volumes_created == ()


def test_a_state_folder_that_is_deleted_is_begun_anew_and_nothing_moves(
    three: tuple[str, ...], lab: RunningLab, daemon_for: Callable[..., DaemonRun]
) -> None:
    vm = three[2]
    daemon = daemon_for(vm)
    (home,) = lab.whereabouts(vm)
    away = other_than(lab, home)
    daemon.specs.move(vm, away)
    assert daemon.once() == 0, daemon.log_text()
    shutil.rmtree(daemon.state)
    assert daemon.once() == 0, daemon.log_text()
    assert lab.whereabouts(vm) == {away: "running"}
    assert daemon.records() == []
    state = daemon.vm(vm)
    assert state is not None
    assert state.host == away


def test_a_second_daemon_on_the_same_state_folder_is_refused(
    three: tuple[str, ...], daemon_for: Callable[..., DaemonRun], lab: RunningLab
) -> None:
    daemon = daemon_for(three[0])
    (home,) = lab.whereabouts(three[0])
    with daemon.running():
        daemon.until_in_place(three[0], home)
        second = daemon.ferryman("run", "--once", "--specs", str(daemon.specs.folder))
    assert second.returncode == 1
    assert "Another ferryman" in second.stderr
    assert "remedy: Stop that one first" in second.stderr
