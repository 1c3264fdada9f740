"""Over two hundred moves nothing grows: file descriptors, threads, memory, files, volumes of the hosts."""

from __future__ import annotations

import gc
import threading
import tracemalloc
from pathlib import Path

import pytest
from house import HOSTS, House

from ferryman.planning.decisions import UpToDate

pytestmark = pytest.mark.soak

VM = "guest-01"
MOVES = 200
WARM = 20
_A_RECORD_BYTES = 32 * 1024
"""What is remembered of a move for as long as the daemon runs may take so much."""


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_two_hundred_moves_leave_nothing_behind(house: House) -> None:
    house.settled_vm(VM, HOSTS[0])
    daemon = house.start()
    daemon.until_quiet()
    before = (0, 0, 0)
    tracemalloc.start()
    for number in range(1, MOVES + 1):
        wanted = HOSTS[number % len(HOSTS)]
        house.vm(VM, wanted)
        house.clock.passed_s += 3600
        assert daemon.until_quiet().statuses[VM] == UpToDate(vm=VM, host=wanted)
        if number == WARM:
            gc.collect()
            before = (open_files(), threading.active_count(), tracemalloc.get_traced_memory()[0])
    gc.collect()
    after = (open_files(), threading.active_count(), tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert after[:2] <= before[:2]
    assert after[2] - before[2] < (MOVES - WARM) * _A_RECORD_BYTES
    assert len(house.records()) == MOVES
    assert [path.name for path in (house.state / "journal").glob("[!.]*.toml")] == []
    assert sum(len(house.at(host).pools["vms"].volumes) for host in HOSTS) <= len(HOSTS)
    assert list((house.state / "live").glob("*")) == []
