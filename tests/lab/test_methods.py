"""Moves by post-copy and with the guest paused, also over a link that breaks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from daemon_run import DaemonRun
from running import RunningLab

from ferryman.downtime.values import MeasurementStatus
from ferryman.lab import faults
from ferryman.records.audit_records import MigrationRecord, Outcome
from ferryman.records.live import read_progress
from ferryman.specs.choices import Method

pytestmark = pytest.mark.soak

WRITER = "writer"
_SLOW_MBIT_S = 60
_HOT_PAGES_THERE_S = 2.0
"""A vCPU that waits for a page while it holds QEMU's lock would block QEMU's monitor, and libvirt with it."""


@pytest.fixture
def writer(lab: RunningLab) -> Iterator[str]:
    """A guest that rewrites its memory faster than a narrow link carries it."""
    lab.add_guest(WRITER, lab.hosts[0], memory_mib=96, dirty_mib=24)
    yield WRITER
    lab.remove_guest(WRITER)


@pytest.fixture
def narrow(lab: RunningLab) -> Iterator[str]:
    """A host that is reached by a narrow link, whole and wide again afterwards."""
    host = lab.hosts[1]
    faults.narrow(lab.ledger, host, _SLOW_MBIT_S)
    yield host
    faults.heal(lab.ledger, host)
    faults.widen(lab.ledger, host)


def by(daemon: DaemonRun, vm: str, method: Method) -> None:
    """Let its spec name the method."""
    daemon.specs.replace(f"vms/{vm}.toml", 'method = "auto"', f'method = "{method}"')


def other_than(lab: RunningLab, home: str) -> str:
    """Another host."""
    return next(host for host in lab.hosts if host != home)


def the_record(daemon: DaemonRun) -> MigrationRecord:
    """Of the one attempt, which went well."""
    (record,) = daemon.records()
    assert record.outcome is Outcome.SUCCEEDED, record.reason
    return record


@pytest.mark.parametrize("method", [Method.PAUSED, Method.POST_COPY])
def test_it_counts_on_where_it_was(
    three: tuple[str, ...], lab: RunningLab, daemon_for: Callable[..., DaemonRun], method: Method
) -> None:
    vm = three[0]
    daemon = daemon_for(vm)
    by(daemon, vm, method)
    (home,) = lab.whereabouts(vm)
    away = other_than(lab, home)
    before = lab.wait_until_ready(vm)
    daemon.specs.move(vm, away)
    assert daemon.once() == 0, daemon.log_text()
    assert lab.whereabouts(vm) == {away: "running"}
    assert lab.wait_until_ready(vm) >= before
    record = the_record(daemon)
    assert (record.method, record.post_copy) == (method, method is Method.POST_COPY)
    assert record.measurement.status is MeasurementStatus.MEASURED


def test_a_post_copy_whose_connection_dies_is_resumed_and_no_number_is_lost(
    writer: str, narrow: str, lab: RunningLab, daemon_for: Callable[..., DaemonRun]
) -> None:
    daemon = daemon_for(writer)
    by(daemon, writer, Method.POST_COPY)
    (home,) = lab.whereabouts(writer)
    before = lab.wait_until_ready(writer)
    with daemon.running():
        daemon.until_in_place(writer, home)
        daemon.specs.move(writer, narrow)
        daemon.until(lambda: "memory follows" in phase(daemon, writer), "it has switched")
        daemon.until(lambda: lab.whereabouts(writer).get(narrow) == "running", "the guest runs there already")
        time.sleep(_HOT_PAGES_THERE_S)
        # The source sees a dead connection; no word of it reaches the destination.
        faults.cut(lab.ledger, narrow)
        ports = "( dport >= :49152 and dport <= :49215 )"
        lab.ledger.namespace(home).run("ss", "-K", "state", "established", ports)
        time.sleep(1.0)
        faults.heal(lab.ledger, narrow)
        faults.widen(lab.ledger, narrow)
        daemon.until(lambda: bool(daemon.records()), "the move is over", within_s=150)
    assert lab.whereabouts(writer) == {narrow: "running"}
    assert lab.wait_until_ready(writer) >= before
    record = the_record(daemon)
    assert "resuming post-copy" in [one.name for one in record.phases]


def phase(daemon: DaemonRun, vm: str) -> str:
    """What the live progress says of the VM's move."""
    return next((one.phase for one in read_progress(daemon.state) if one.vm == vm), "")
