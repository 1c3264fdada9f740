"""A switch that did not notice a guest's move: announced again, the guest is reachable; before that, it is silent."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from daemon_run import DaemonRun
from running import RunningLab

from ferryman.downtime.values import MeasurementStatus
from ferryman.lab.layout import mac_of
from ferryman.records.audit.record import MigrationRecord, Outcome
from ferryman.records.audit.timeline import Mark

pytestmark = pytest.mark.soak

DEAF_FOR_S = 1.5
"""Longer than QEMU announces an arrived guest by itself (its fifth and last time comes after 0.9 s)."""
ANSWERS_WITHIN_MS = 1000.0
"""On a busy machine; less than lies between two tries."""


@contextmanager
def deaf(lab: RunningLab, guest: str, port_of: str) -> Iterator[None]:
    """The switch does not learn who is at this host; and nobody asks aloud, so that no answer could teach it."""
    operator, switch = lab.ledger.operator, lab.ledger.layout.switch
    port = lab.ledger.layout.host(port_of).switch_port
    pinned = ["lladdr", mac_of(guest), "dev", switch]
    operator.run("ip", "neigh", "replace", lab.address(guest), *pinned, "nud", "permanent")
    operator.run("bridge", "link", "set", "dev", port, "learning", "off")
    try:
        yield
    finally:
        operator.run("bridge", "link", "set", "dev", port, "learning", "on")
        operator.run("ip", "neigh", "del", lab.address(guest), "dev", switch)


def hears_again(lab: RunningLab, guest: str, host: str) -> None:
    """The switch learns again, some time after the guest came to run there."""
    while lab.whereabouts(guest).get(host) != "running":
        time.sleep(0.05)
    time.sleep(DEAF_FOR_S)
    lab.ledger.operator.run("bridge", "link", "set", "dev", lab.ledger.layout.host(host).switch_port, "learning", "on")


def moved_past_a_deaf_switch(lab: RunningLab, daemon: DaemonRun, vm: str) -> MigrationRecord:
    (home,) = lab.whereabouts(vm)
    away = next(host for host in lab.hosts if host != home)
    with deaf(lab, vm, away), daemon.running():
        daemon.until_in_place(vm, home)
        healer = threading.Thread(target=hears_again, args=(lab, vm, away))
        healer.start()
        daemon.specs.move(vm, away)
        daemon.until_in_place(vm, away)
        healer.join()
    return daemon.records(vm)[-1]


def test_it_is_announced_until_it_answers(
    lab: RunningLab, three: tuple[str, ...], daemon_for: Callable[..., DaemonRun]
) -> None:
    record = moved_past_a_deaf_switch(lab, daemon_for(three[0]), three[0])
    assert (record.outcome, record.measurement.status) == (Outcome.SUCCEEDED, MeasurementStatus.MEASURED)
    announced_ms = [entry.at_ms for entry in record.timeline if entry.mark is Mark.ANNOUNCED]
    answered_ms = next(entry.at_ms for entry in record.timeline if entry.mark is Mark.ANSWERED)
    resumed_ms = next(entry.at_ms for entry in record.timeline if entry.mark is Mark.RESUMED)
    assert 1 <= record.announcements == len(announced_ms) <= 5
    assert resumed_ms < announced_ms[0]
    # Nothing but the last of them let it be reached.
    assert 0 < answered_ms - announced_ms[-1] < ANSWERS_WITHIN_MS
    assert record.attribution is not None
    assert record.attribution.network_ms > 1000 * DEAF_FOR_S / 2
