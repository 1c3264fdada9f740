"""A guest that writes its disk faster than the link carries: its live move, disk and all, comes to an end."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from daemon_run import DaemonRun
from running import RunningLab, lab_command

from ferryman.lab import faults
from ferryman.records.audit.record import MigrationRecord, Outcome

pytestmark = pytest.mark.soak

VM = "scribbler"
LINK_MBIT_S = 20
_ENDS_WITHIN_S = 300.0
_SCRIBBLE = "while :; do dd if=/dev/zero of=/dev/vda bs=1M seek=8 count=40 oflag=direct; done"
"""Past its counter."""


@pytest.fixture
def narrow(lab: RunningLab) -> Iterator[str]:
    """A host behind a narrow link."""
    host = lab.hosts[1]
    faults.narrow(lab.ledger, host, LINK_MBIT_S)
    yield host
    faults.widen(lab.ledger, host)


@pytest.fixture
def writer(lab: RunningLab) -> Iterator[str]:
    """A guest on the first host."""
    lab.add_guest(VM, lab.hosts[0])
    yield VM
    lab.remove_guest(VM)


@contextmanager
def scribbling(lab: RunningLab) -> Iterator[None]:
    """It rewrites its disk for ever, and no host caches that away."""
    command = [*lab_command("exec", lab.folder), "--", "ssh", f"root@{lab.address(VM)}", _SCRIBBLE]
    program = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        program.terminate()
        program.wait(30)


def moved(daemon: DaemonRun, there: str, live: str) -> MigrationRecord:
    """One attempt, to its end; its record."""
    spec = f"vms/{VM}.toml"
    daemon.specs.replace(spec, 'method = "auto"', 'method = "live"')
    daemon.specs.append(spec, f"\n[live]\n{live}\n")
    daemon.specs.move(VM, there)
    with daemon.running():
        daemon.until(lambda: bool(daemon.records(VM)), "it has ended", within_s=_ENDS_WITHIN_S)
    return daemon.records(VM)[0]


def test_it_is_given_up_where_its_writes_may_not_be_held_back(
    writer: str, narrow: str, lab: RunningLab, daemon_for: Callable[..., DaemonRun]
) -> None:
    before = lab.wait_until_ready(VM)
    with scribbling(lab):
        record = moved(daemon_for(writer), narrow, 'on_stall = "pause"')
    assert (record.outcome, lab.whereabouts(VM)) == (Outcome.FAILED, {lab.hosts[0]: "running"})
    assert "writes its disks faster than the link carries" in record.reason
    assert "auto_converge" in record.remedy
    assert not lab.disk(VM, narrow).exists()
    assert lab.wait_until_ready(VM) >= before


def test_it_arrives_where_its_writes_may_be_held_back(
    writer: str, narrow: str, lab: RunningLab, daemon_for: Callable[..., DaemonRun]
) -> None:
    before = lab.wait_until_ready(VM)
    with scribbling(lab):
        record = moved(daemon_for(writer), narrow, "auto_converge = true")
    assert (record.outcome, lab.whereabouts(VM)) == (Outcome.SUCCEEDED, {narrow: "running"}), record.reason
    faults.widen(lab.ledger, narrow)
    assert lab.wait_until_ready(VM) >= before
