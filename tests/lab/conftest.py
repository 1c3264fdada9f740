"""The lab that lab tests share: real hosts, with guests under test."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import daemon_run
import pytest
from daemon_run import DaemonRun
from running import RunningLab

from ferryman.lab import guests, ledger
from ferryman.lab import lab as labs
from ferryman.lab.layout import plan_layout
from ferryman.lab.options import DEFAULT_CACHE

HOSTS = ("oslo", "bergen", "narvik")
SUBNET = "10.91.4.0/24"


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    """A lab of three hosts and a storage host for the whole session."""
    if os.geteuid() != 0:
        pytest.fail("the lab's tests need root; `make test` says how to leave them out")
    folder = tmp_path_factory.mktemp("lab")
    try:
        yield RunningLab(ledger=labs.up(plan_layout(folder, HOSTS, SUBNET), DEFAULT_CACHE, print, storage=True))
    finally:
        if ledger.exists(folder):
            labs.down(folder, print)


GUESTS = ("web", "mail", "wiki")


@pytest.fixture(scope="session")
def three(lab: RunningLab) -> tuple[str, ...]:
    """Three running guests, for the whole session: each test leaves them running, on whatever host."""
    for name, host in zip(GUESTS, lab.hosts, strict=True):
        guests.add(lab.ledger, guests.plan(lab.ledger, name, None), host)
    for name in GUESTS:
        lab.wait_until_ready(name)
    return GUESTS


@pytest.fixture
def daemon_for(lab: RunningLab, tmp_path: Path) -> Iterator[Callable[..., DaemonRun]]:
    """Makes a daemon for these VMs, with nothing on any host that an earlier test's moves left behind."""
    made: list[DaemonRun] = []

    def make(*vms: str) -> DaemonRun:
        for vm in vms:
            lab.tidy(vm)
        made.append(daemon_run.make(lab, tmp_path / f"fleet{len(made)}", vms))
        return made[-1]

    yield make
    for one in made:
        one.kill()
