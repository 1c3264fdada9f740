"""Moves by post-copy, and with the guest paused."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from daemon_run import DaemonRun
from running import RunningLab

from ferryman.downtime.values import MeasurementStatus
from ferryman.lab import faults
from ferryman.records.audit.record import MigrationRecord, Outcome
from ferryman.specs.choices import Method

pytestmark = pytest.mark.soak

_NARROW_MBIT_S = 200


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
    # Over the lab's own links a small guest is there before a stall is seen.
    faults.narrow(lab.ledger, away, _NARROW_MBIT_S)
    try:
        assert daemon.once() == 0, daemon.log_text()
    finally:
        faults.widen(lab.ledger, away)
    assert lab.whereabouts(vm) == {away: "running"}
    assert lab.wait_until_ready(vm) >= before
    record = the_record(daemon)
    assert (record.method, record.post_copy) == (method, method is Method.POST_COPY)
    assert record.measurement.status is MeasurementStatus.MEASURED
