"""A commit moves a running VM, and what was seen of it is written down."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import daemon_run
import echo_probe
import pytest
from daemon_run import DaemonRun, trailers
from running import RunningLab

from ferryman.downtime.values import MeasurementStatus
from ferryman.records.audit.record import MigrationRecord, Outcome
from ferryman.records.audit.timeline import Mark
from ferryman.specs.choices import Method

VM = "web"
AGREES_WITHIN_MS = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A VM that was moved away by a commit, and back by another."""

    daemon: DaemonRun
    home: str
    away: str
    revision: str
    """Which moved it away."""
    seen_away: dict[str, str]
    counters: tuple[int, int, int]
    """Before, away, and back."""
    second_opinion_ms: float
    """The other prober's figure for the move away."""

    @property
    def there(self) -> MigrationRecord:
        """The record of the move away."""
        return self.daemon.records(VM)[0]

    @property
    def back(self) -> MigrationRecord:
        """The record of the move back."""
        return self.daemon.records(VM)[1]


@contextmanager
def second_opinion(lab: RunningLab, address: str) -> Iterator[Callable[[], float]]:
    """The other prober, for the block; call the value to end it and have its figure."""
    argv = lab.ledger.operator.enter([sys.executable, str(Path(echo_probe.__file__).resolve()), address])
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as prober:
        yield lambda: float(prober.communicate(timeout=20)[0])
        prober.kill()


@pytest.fixture(scope="module")
def moved(lab: RunningLab, three: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Moved:
    """One journey there and back that the tests below look at from every side."""
    assert VM in three
    lab.tidy(VM)
    daemon = daemon_run.make(lab, tmp_path_factory.mktemp("moves"), [VM])
    (home,) = lab.whereabouts(VM)
    away = next(host for host in lab.hosts if host != home)
    with daemon.running():
        daemon.until_in_place(VM, home)
        before = lab.wait_until_ready(VM)
        with second_opinion(lab, lab.address(VM)) as end:
            revision = daemon.specs.move(VM, away)
            daemon.until_in_place(VM, away)
            figure = end()
        seen, counted_away = lab.whereabouts(VM), lab.wait_until_ready(VM)
        daemon.specs.move(VM, home)
        daemon.until_in_place(VM, home)
    return Moved(
        daemon=daemon,
        home=home,
        away=away,
        revision=revision,
        seen_away=seen,
        counters=(before, counted_away, lab.wait_until_ready(VM)),
        second_opinion_ms=figure,
    )


def test_it_runs_there_and_only_there(moved: Moved, lab: RunningLab) -> None:
    assert moved.seen_away == {moved.away: "running"}
    assert lab.whereabouts(VM) == {moved.home: "running"}


def test_it_stays_defined_across_its_hosts_restarts(moved: Moved, lab: RunningLab) -> None:
    assert "Persistent:     yes" in lab.virsh(moved.home, "dominfo", VM)


def test_the_counter_never_goes_back(moved: Moved) -> None:
    before, away, back = moved.counters
    assert before <= away <= back
    assert before < back


def test_the_record_tells_the_whole_move(moved: Moved) -> None:
    record = moved.there
    assert (record.outcome, record.method, record.reason) == (Outcome.SUCCEEDED, Method.LIVE, "")
    assert (record.source, record.destination) == (moved.home, moved.away)
    assert (record.cause.revision, record.cause.subject) == (moved.revision, f"Move {VM} to {moved.away}")
    assert record.begun_ms is not None
    assert 0 < record.begun_ms < record.total_ms
    assert record.transfer.disk_bytes > 0
    assert record.transfer.memory_bytes > 0
    assert (record.encrypted, record.plain_because) == (False, 'its spec says encryption = "off"')


def test_downtime_is_an_interval_around_what_the_hypervisor_says(moved: Moved) -> None:
    for record in (moved.there, moved.back):
        measured = record.measurement
        assert measured.status is MeasurementStatus.MEASURED, measured.reason
        assert measured.downtime_lower_ms is not None
        assert measured.downtime_upper_ms is not None
        assert 0 <= measured.downtime_lower_ms <= measured.downtime_upper_ms
        assert measured.downtime_upper_ms > 0
        paused_ms = record.transfer.hypervisor_downtime_ms
        assert paused_ms is not None
        # The users' downtime holds the pause and, after it, the network's finding the VM again.
        assert paused_ms <= measured.downtime_upper_ms + AGREES_WITHIN_MS


def test_the_downtime_is_told_apart_by_what_both_hosts_said(moved: Moved) -> None:
    for record in (moved.there, moved.back):
        parts, measured = record.attribution, record.measurement
        assert parts is not None
        assert parts.unknown_ms == 0, parts.unknown_because
        assert parts.guest_ms + parts.network_ms + parts.service_ms == pytest.approx(measured.downtime_ms, abs=1e-6)
        hosts = {entry.mark: entry.host for entry in record.timeline if entry.host}
        assert hosts.items() >= {Mark.SUSPENDED: record.source, Mark.RESUMED: record.destination}.items()
        paused_ms, resumed_ms = (at_ms(record, mark) for mark in (Mark.SUSPENDED, Mark.RESUMED))
        # The hosts' words come over the network, and by two ways.
        assert abs(resumed_ms - paused_ms - (record.transfer.hypervisor_downtime_ms or 0)) <= AGREES_WITHIN_MS
        assert parts.guest_ms <= resumed_ms - paused_ms + 0.001


def at_ms(record: MigrationRecord, mark: Mark) -> float:
    """When this happened first."""
    return next(entry.at_ms for entry in record.timeline if entry.mark is mark)


def test_an_independent_prober_agrees(moved: Moved) -> None:
    measured = moved.there.measurement
    margin_ms = AGREES_WITHIN_MS + echo_probe.STEP_MS
    assert measured.downtime_lower_ms is not None
    assert measured.downtime_upper_ms is not None
    assert measured.downtime_lower_ms - margin_ms <= moved.second_opinion_ms, measured
    assert moved.second_opinion_ms <= measured.downtime_upper_ms + margin_ms, measured


def test_the_state_repository_names_move_cause_and_downtime(moved: Moved) -> None:
    told = {trailers(message).get("Record"): message for message in moved.daemon.messages()}
    message = told[moved.there.id]
    said = trailers(message)
    assert message.startswith(f"{VM}: moved {moved.home} -> {moved.away} (live), downtime ")
    assert (said["Vm"], said["From"], said["To"], said["Method"]) == (VM, moved.home, moved.away, "live")
    assert (said["Cause"], said["Cause-Revision"]) == ("spec", moved.revision)
    assert float(said["Downtime-Lower-Ms"]) <= float(said["Downtime-Ms"]) <= float(said["Downtime-Upper-Ms"])


def test_each_record_is_committed_once_and_nothing_is_left_uncommitted(moved: Moved) -> None:
    recorded = [trailers(message).get("Record") for message in moved.daemon.messages()]
    assert [name for name in recorded if name] == [moved.back.id, moved.there.id]
    status = ["git", "-C", str(moved.daemon.state), "status", "--porcelain"]
    assert subprocess.run(status, capture_output=True, text=True, check=True).stdout == ""


def test_the_way_back_replaces_the_copy_that_was_left_behind(moved: Moved, lab: RunningLab) -> None:
    (left,) = moved.there.left_behind
    (replaced,) = moved.back.volumes_created
    assert (left.host, left.pool, left.name) == (replaced.host, replaced.pool, replaced.name)
    assert lab.disks(VM) == {moved.home, moved.away}


def test_state_sums_up(moved: Moved) -> None:
    state = moved.daemon.vm(VM)
    assert state is not None
    assert state.last_migration is not None
    assert state.last_migration.id == moved.back.id
    assert sum(one.count for one in state.downtimes) == 2
    assert state.power == "running"


def test_status_and_history_tell_people(moved: Moved) -> None:
    status = moved.daemon.ferryman("status")
    assert status.returncode == 0, status.stdout
    history = moved.daemon.ferryman("history", "--vm", VM)
    assert history.returncode == 0
    assert f"{moved.home} -> {moved.away}" in history.stdout
    assert f"Move {VM} to {moved.away}" in history.stdout


def test_edits_count_only_once_committed(
    three: tuple[str, ...], lab: RunningLab, daemon_for: Callable[..., DaemonRun]
) -> None:
    vm = three[1]
    daemon = daemon_for(vm)
    (home,) = lab.whereabouts(vm)
    away = next(host for host in lab.hosts if host != home)
    daemon.specs.replace(f"vms/{vm}.toml", f'host = "{home}"', f'host = "{away}"')
    assert daemon.once() == 0, daemon.log_text()
    assert lab.whereabouts(vm) == {home: "running"}
    assert daemon.records() == []
    daemon.specs.commit("Now it counts")
    plan = ["plan", "--detailed-exitcode", "--specs", str(daemon.specs.folder)]
    assert daemon.ferryman(*plan).returncode == 2
    assert lab.whereabouts(vm) == {home: "running"}
