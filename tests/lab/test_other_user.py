"""Hosts that ferryman reaches as another user than root: in the group of libvirt's socket, with sudo or without."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from daemon_run import DaemonRun
from running import RunningLab

from ferryman.downtime.values import MeasurementStatus
from ferryman.planning.modes import ImageCopy
from ferryman.records.audit.record import MigrationRecord, Outcome
from ferryman.specs.choices import Method

pytestmark = pytest.mark.soak

VM = "tenant"
USER, _UID = "ferry", 61_234
_HOME = f"/run/{USER}"
_SOCKET = "/run/libvirt/libvirt-sock"
_SUDOERS = "/etc/sudoers"


@pytest.fixture
def user(lab: RunningLab, tmp_path: Path) -> Iterator[str]:
    """A user of the hosts alone: it may log in with root's keys, and use libvirt's socket."""
    gid = next(
        line.split(":")[2] for line in Path("/etc/group").read_text().splitlines() if line.startswith("libvirt:")
    )
    accounts = tmp_path / "passwd"
    accounts.write_text(f"{Path('/etc/passwd').read_text()}{USER}:*:{_UID}:{gid}::{_HOME}:/bin/sh\n")
    for host in lab.hosts:
        namespace = lab.ledger.namespace(host)
        namespace.bind(accounts, "/etc/passwd")
        namespace.run("install", "-d", "-m", "0700", "-o", str(_UID), _HOME, f"{_HOME}/.ssh")
        keys = ("/root/.ssh/authorized_keys", f"{_HOME}/.ssh/authorized_keys")
        namespace.run("install", "-m", "0600", "-o", str(_UID), *keys)
        namespace.run("chgrp", gid, _SOCKET)
        namespace.run("chmod", "0770", _SOCKET)
    yield USER
    for host in lab.hosts:
        namespace = lab.ledger.namespace(host)
        namespace.run("umount", "/etc/passwd")
        namespace.run("rm", "-r", _HOME)


@pytest.fixture
def sudo(lab: RunningLab, tmp_path: Path, user: str) -> Iterator[None]:
    """The user may become root without a password."""
    rules = tmp_path / "sudoers"
    rules.write_text(f"root ALL=(ALL:ALL) ALL\n{user} ALL=(root) NOPASSWD: ALL\n")
    rules.chmod(0o440)
    for host in lab.hosts:
        lab.ledger.namespace(host).bind(rules, _SUDOERS)
    yield
    for host in lab.hosts:
        lab.ledger.namespace(host).run("umount", _SUDOERS)


@pytest.fixture
def daemon(lab: RunningLab, user: str, daemon_for: Callable[..., DaemonRun]) -> Iterator[DaemonRun]:
    """For a guest of its own, on hosts whose specs name that user."""
    lab.add_guest(VM, lab.hosts[0], disk_mib=16)
    made = daemon_for(VM)
    for host in lab.hosts:
        made.specs.replace(f"hosts/{host}.toml", f"root@{host}", f"{user}@{host}")
    made.specs.commit("Not as root")
    yield made
    made.kill()
    lab.remove_guest(VM)


def move(daemon: DaemonRun, away: str, method: Method) -> MigrationRecord:
    """One move by a commit, to its end."""
    daemon.specs.replace(f"vms/{VM}.toml", 'method = "auto"', f'method = "{method}"')
    daemon.specs.move(VM, away)
    daemon.once()
    (record,) = daemon.records()
    return record


@pytest.mark.parametrize("method", [Method.LIVE, Method.POST_COPY])
def test_a_running_guest_and_its_disk_move_without_any_right_of_roots(
    method: Method, daemon: DaemonRun, lab: RunningLab
) -> None:
    before, (home, away) = lab.wait_until_ready(VM), lab.hosts[:2]
    record = move(daemon, away, method)
    assert record.outcome is Outcome.SUCCEEDED, record.reason
    assert record.measurement.status is MeasurementStatus.MEASURED, record.measurement.reason
    assert [volume.host for volume in record.left_behind] == [home]
    assert lab.whereabouts(VM) == {away: "running"}
    assert lab.wait_until_ready(VM) >= before


def test_without_sudo_its_disk_is_copied_while_it_is_off_and_that_is_said(daemon: DaemonRun, lab: RunningLab) -> None:
    before, away = lab.wait_until_ready(VM), lab.hosts[1]
    record = move(daemon, away, Method.COLD)
    assert (record.outcome, record.image_copy) == (Outcome.SUCCEEDED, ImageCopy.STREAM), record.reason
    assert sum(f"ferryman is {USER}, without passwordless sudo" in warning for warning in record.warnings) == 2
    assert lab.whereabouts(VM) == {away: "running"}
    assert lab.wait_until_ready(VM) >= before


@pytest.mark.usefixtures("sudo")
def test_with_sudo_it_moves_cold_with_its_disk_mirrored(daemon: DaemonRun, lab: RunningLab) -> None:
    before, away = lab.wait_until_ready(VM), lab.hosts[1]
    record = move(daemon, away, Method.COLD)
    assert (record.outcome, record.image_copy) == (Outcome.SUCCEEDED, ImageCopy.MIRROR), record.reason
    assert lab.whereabouts(VM) == {away: "running"}
    assert lab.wait_until_ready(VM) >= before


def test_doctor_names_the_user_and_what_it_may_not(daemon: DaemonRun, lab: RunningLab, user: str) -> None:
    command = [sys.executable, "-m", "ferryman.cli", "doctor", "--specs", str(daemon.specs.folder), "--json"]
    checks = json.loads(lab.exec(command).stdout)["checks"]
    said = {check["host"]: check for check in checks if check["subject"] == "user"}
    assert said.keys() == set(lab.hosts)
    for host, check in said.items():
        assert check["status"] == "warning"
        assert check["says"].startswith(f"{user} is not root and has no passwordless sudo")
        assert f"/etc/sudoers.d/ferryman (on {host})" in check["remedy"]
