"""The lab that lab tests share: real hosts, with guests under test."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import daemon_run
import pytest
from daemon_run import DaemonRun
from running import RunningLab, brought_up

from ferryman.lab import guests


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    """A lab of three hosts and a storage host for the whole session."""
    if os.geteuid() != 0:
        pytest.fail("the lab's tests need root; `make test` says how to leave them out")
    with brought_up(tmp_path_factory.mktemp("lab")) as running:
        yield running


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
