"""The lab that lab tests share: real hosts, with guests under test."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from running import RunningLab

from ferryman.lab import lab as labs
from ferryman.lab import ledger
from ferryman.lab.options import DEFAULT_CACHE
from ferryman.lab.layout import plan_layout

HOSTS = ("oslo", "bergen", "narvik")
SUBNET = "10.91.4.0/24"


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    """A lab of three hosts for the whole session."""
    if os.geteuid() != 0:
        pytest.fail("the lab's tests need root; `make test` says how to leave them out")
    folder = tmp_path_factory.mktemp("lab")
    try:
        yield RunningLab(ledger=labs.up(plan_layout(folder, HOSTS, SUBNET), DEFAULT_CACHE, print))
    finally:
        if ledger.exists(folder):
            labs.down(folder, print)
