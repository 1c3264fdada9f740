"""Cold moves: the guest is shut down, its disks are copied as they are, it is started again; or it stays off."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator

import pytest
from daemon_run import DaemonRun
from running import RunningLab

from ferryman.downtime.values import MeasurementStatus
from ferryman.lab import faults
from ferryman.lab.guest_xml import DiskFormat
from ferryman.lab.shell import LabError
from ferryman.planning.modes import ImageCopy
from ferryman.records.audit.record import MigrationRecord, Outcome
from ferryman.records.progress_files import read_progress
from ferryman.specs.choices import Method

SLEEPER = "sleeper"
_MIB = 1024 * 1024
_BLOCK_BYTES = 512


def allocated_bytes(lab: RunningLab, vm: str, host: str) -> int:
    """What the guest's disk takes on that host; holes take nothing."""
    return lab.disk(vm, host).stat().st_blocks * _BLOCK_BYTES


def compare(lab: RunningLab, vm: str, first: str, second: str) -> str:
    """What `qemu-img compare` finds different between two hosts' copies; empty: nothing."""
    command = ["qemu-img", "compare", "-U", str(lab.disk(vm, first)), str(lab.disk(vm, second))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def other_than(lab: RunningLab, *hosts: str) -> str:
    """The first host that is none of these."""
    return next(host for host in lab.hosts if host not in hosts)


@pytest.fixture
def sleeper(lab: RunningLab) -> Iterator[str]:
    """A guest that is off, with a sparse disk of which a little holds data at its beginning, middle and end."""
    lab.add_guest(SLEEPER, lab.hosts[0], off=True, disk_format=DiskFormat.RAW, disk_mib=64)
    disk = str(lab.disk(SLEEPER, lab.hosts[0]))
    writes = ["-c", "write -P 0xa1 0 1M", "-c", "write -P 0xb2 33M 3M", "-c", "write -P 0xc3 63M 1M"]
    subprocess.run(["qemu-io", "-f", "raw", *writes, disk], check=True, capture_output=True)
    yield SLEEPER
    lab.remove_guest(SLEEPER)


class TestRunning:
    """A guest that runs is shut down gracefully, and only where its spec allows that."""

    @pytest.fixture
    def cold(self, three: tuple[str, ...], daemon_for: Callable[..., DaemonRun]) -> DaemonRun:
        """A daemon for a running guest whose spec lets auto choose cold only."""
        daemon = daemon_for(three[2])
        daemon.specs.replace(f"vms/{three[2]}.toml", 'allow = ["live"]', 'allow = ["cold"]')
        daemon.specs.commit("May be shut down")
        return daemon

    def test_it_counts_on_where_it_was_shut_down(
        self, cold: DaemonRun, three: tuple[str, ...], lab: RunningLab
    ) -> None:
        vm = three[2]
        (home,) = lab.whereabouts(vm)
        away = other_than(lab, home)
        before = lab.wait_until_ready(vm)
        with cold.running():
            cold.until_in_place(vm, home)
            cold.specs.move(vm, away)
            cold.until_in_place(vm, away)
        assert lab.whereabouts(vm) == {away: "running"}
        assert lab.wait_until_ready(vm) >= before
        (record,) = cold.records()
        assert (record.outcome, record.method) == (Outcome.SUCCEEDED, Method.COLD), record.reason
        self.check_why(record)
        self.check_measurement(record)
        assert allocated_bytes(lab, vm, away) <= 1.05 * allocated_bytes(lab, vm, home) + _MIB

    def check_why(self, record: MigrationRecord) -> None:
        """The record says why the gentler method was not taken."""
        assert [no.method for no in record.rejected] == [Method.LIVE, Method.POST_COPY, Method.PAUSED]
        assert all("does not allow it" in no.reason for no in record.rejected)

    def check_measurement(self, record: MigrationRecord) -> None:
        """The guest was down from its shutdown to its boot, and its disk was there by then."""
        measured = record.measurement
        assert measured.status is MeasurementStatus.MEASURED, measured.reason
        assert record.image_copy is ImageCopy.MIRROR
        phases = {phase.name: phase.duration_ms for phase in record.phases}
        assert {"mirroring disks", "shutting down", "defining", "starting"} <= phases.keys()
        assert "copying disks" not in phases
        assert measured.downtime_lower_ms is not None
        assert measured.downtime_lower_ms > phases["starting"]


@pytest.mark.soak
class TestFormats:
    """What travels is what the guest sees: either end keeps it in its own way."""

    @pytest.mark.parametrize("image_format", ["raw", "qcow2"])
    def test_a_disk_changes_its_format_on_the_way(
        self, three: tuple[str, ...], lab: RunningLab, daemon_for: Callable[..., DaemonRun], image_format: str
    ) -> None:
        vm = three[2]
        daemon = daemon_for(vm)
        daemon.specs.replace(f"vms/{vm}.toml", 'method = "auto"', 'method = "cold"')
        daemon.specs.append(f"vms/{vm}.toml", f'[storage]\nformat = "{image_format}"\n[cold]\ncompare = true\n')
        (home,) = lab.whereabouts(vm)
        away = other_than(lab, home)
        before = lab.wait_until_ready(vm)
        daemon.specs.move(vm, away)
        assert daemon.once() == 0, daemon.log_text()
        assert lab.wait_until_ready(vm) >= before
        (record,) = daemon.records()
        (created,) = record.volumes_created
        assert created.name.endswith(f".{image_format}")
        assert f"<driver name='qemu' type='{image_format}'" in lab.virsh(away, "dumpxml", vm)

    def test_what_has_no_ssh_is_copied_through_this_machine(
        self, sleeper: str, lab: RunningLab, daemon_for: Callable[..., DaemonRun]
    ) -> None:
        home, away = lab.hosts[0], lab.hosts[1]
        daemon = daemon_for(sleeper)
        for host in (home, away):
            daemon.specs.replace(f"hosts/{host}.toml", f"qemu+ssh://root@{host}", f"qemu+tcp://{host}")
        daemon.specs.move(sleeper, away)
        assert daemon.once() == 0, daemon.log_text()
        (record,) = daemon.records()
        assert record.image_copy is ImageCopy.STREAM
        assert compare(lab, sleeper, home, away) == ""


class TestShutOff:
    """A guest that is off moves as it is, and stays off."""

    def test_it_stays_off_and_its_disk_is_the_same_holes_and_all(
        self, sleeper: str, lab: RunningLab, daemon_for: Callable[..., DaemonRun]
    ) -> None:
        home, away = lab.hosts[0], lab.hosts[1]
        daemon = daemon_for(sleeper)
        daemon.specs.move(sleeper, away)
        assert daemon.once() == 0, daemon.log_text()
        assert lab.whereabouts(sleeper) == {away: "shut off"}
        (record,) = daemon.records()
        assert record.method is Method.COLD
        assert record.measurement.status is MeasurementStatus.UNMEASURED
        assert record.measurement.downtime_ms is None
        assert compare(lab, sleeper, home, away) == ""
        assert allocated_bytes(lab, sleeper, away) <= 1.05 * allocated_bytes(lab, sleeper, home) + _MIB

    def test_it_may_go_round_and_the_newest_bytes_go_along(
        self, sleeper: str, lab: RunningLab, daemon_for: Callable[..., DaemonRun]
    ) -> None:
        first, second, third = lab.hosts
        daemon = daemon_for(sleeper)
        with daemon.running():
            for host in (second, third, first):
                daemon.specs.move(sleeper, host)
                daemon.until_in_place(sleeper, host)
        assert [record.destination for record in daemon.records()] == [second, third, first]
        assert lab.whereabouts(sleeper) == {first: "shut off"}
        assert compare(lab, sleeper, first, third) == ""
        assert lab.disks(sleeper) == {first, second, third}


class TestSilentDestination:
    """It dies without a word in the mirror: the guest's writes wait for it, and must not for long."""

    def test_the_guests_writes_go_on_while_it_is_still_cut_off(
        self, three: tuple[str, ...], daemon_for: Callable[..., DaemonRun], lab: RunningLab
    ) -> None:
        vm = three[2]
        daemon = daemon_for(vm)
        daemon.specs.replace(f"vms/{vm}.toml", 'method = "auto"', 'method = "cold"')
        (home,) = lab.whereabouts(vm)
        away = other_than(lab, home)
        lab.fill(vm, 24)
        with daemon.running("--rescan-s=2"):
            daemon.until_in_place(vm, home)
            faults.narrow(lab.ledger, away, SLOW_MBIT_S)
            daemon.specs.move(vm, away)
            daemon.until(lambda: mirrors(daemon, vm), "its disks are mirrored")
            stood_at = lab.counter(vm)
            faults.cut(lab.ledger, away)
            try:
                time.sleep(STANDS_WITHIN_S)
                daemon.until(lambda: counts(lab, vm) > stood_at + 1, "its writes go on", GOES_ON_WITHIN_S)
            finally:
                faults.heal(lab.ledger, away)
                faults.widen(lab.ledger, away)
            daemon.until_in_place(vm, away)
        assert lab.wait_until_ready(vm) > stood_at


SLOW_MBIT_S = 60
"""The mirror lasts long enough to be met."""
STANDS_WITHIN_S = 5.0
GOES_ON_WITHIN_S = 30.0
"""After that."""


def counts(lab: RunningLab, vm: str) -> int:
    """Its counter; 0 while it stands in a write, and does not answer."""
    try:
        return lab.counter(vm)
    except LabError:
        return 0


def mirrors(daemon: DaemonRun, vm: str) -> bool:
    """Whether its move has come so far."""
    return any(shown.vm == vm and shown.phase == "mirroring disks" for shown in read_progress(daemon.state))
