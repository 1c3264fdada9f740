"""A daemon that moves a VM again and again on real hosts does not grow: descriptors, threads, processes, memory."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from daemon_run import DaemonRun
from running import RunningLab

from ferryman.lab import fault_state
from ferryman.records.audit.record import Outcome

pytestmark = pytest.mark.soak

MOVES = int(os.environ.get("FERRYMAN_SOAK_MOVES", "40"))
WARM = 10
"""Until then connections, caches and allocators' pools are filled."""
_A_MOVE_KIB = 64
"""Of a move's record and samples so much may stay in the daemon's memory, and in holes between."""
_LOOKS, _APART_S = 20, 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """What a process holds."""

    files: int
    threads: int
    children: int
    memory_kib: int


def size(pid: int) -> Size:
    """By the kernel's own account, see proc(5)."""
    process = Path(f"/proc/{pid}")
    status = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
    children = [(task / "children").read_text().split() for task in (process / "task").iterdir()]
    return Size(
        files=len(list((process / "fd").iterdir())),
        threads=int(status["Threads"]),
        children=sum(len(pids) for pids in children),
        memory_kib=int(status["VmRSS"].split()[0]),
    )


def at_rest(pid: int) -> Size:
    """The least of some looks: what a move's end is still at, such as a commit, comes and goes."""
    looks = []
    for _ in range(_LOOKS):
        looks.append(size(pid))
        time.sleep(_APART_S)
    return Size(
        files=min(look.files for look in looks),
        threads=min(look.threads for look in looks),
        children=min(look.children for look in looks),
        memory_kib=min(look.memory_kib for look in looks),
    )


def test_it_holds_no_more_after_many_moves_than_after_some(
    lab: RunningLab, solo: str, daemon_for: Callable[..., DaemonRun]
) -> None:
    daemon = daemon_for(solo)
    (home,) = lab.whereabouts(solo)
    away = next(host for host in lab.hosts if host != home)
    with daemon.running():
        daemon.until_in_place(solo, home)
        pid, sizes = fault_state.daemon_of(daemon.state).pid, []
        for number in range(1, MOVES + 1):
            wanted = away if number % 2 else home
            daemon.specs.move(solo, wanted)
            daemon.until_in_place(solo, wanted)
            sizes.append(at_rest(pid) if number <= WARM or number > MOVES - WARM else size(pid))
            sys.stdout.write(f"{number}: {sizes[-1]}\n")
    first, last = sizes[:WARM], sizes[-WARM:]
    # What leaked stays, in the least of them, too.
    assert min(one.files for one in last) <= max(one.files for one in first)
    assert min(one.threads for one in last) <= max(one.threads for one in first)
    assert min(one.children for one in last) <= max(one.children for one in first)
    assert last[-1].memory_kib - first[-1].memory_kib < (MOVES - WARM) * _A_MOVE_KIB
    assert [record.outcome for record in daemon.records(solo)] == [Outcome.SUCCEEDED] * MOVES
    assert len(lab.disks(solo)) <= 2
