"""Processes are told apart by id and start time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ferryman.lab import processes
from ferryman.lab.processes import Process


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process that would run for a minute."""
    with subprocess.Popen(["sleep", "60"]) as running:
        yield running
        running.kill()


def identity(pid: int) -> Process:
    """The identity of a process that runs."""
    found = processes.identify(pid)
    assert found is not None
    return found


def test_a_running_process_is_ended_and_then_gone(sleeper: subprocess.Popen[bytes]) -> None:
    process = identity(sleeper.pid)
    assert processes.is_alive(process)
    assert processes.end(process)
    assert not processes.is_alive(process)
    assert sleeper.wait() == -signal.SIGKILL
    assert not processes.end(process)


def test_another_process_with_the_same_id_is_never_touched(sleeper: subprocess.Popen[bytes]) -> None:
    earlier = replace(identity(sleeper.pid), start_ticks=1)
    assert not processes.is_alive(earlier)
    assert not processes.end(earlier)
    assert sleeper.poll() is None


def test_parents_are_found() -> None:
    assert processes.parent_of(os.getpid()) == os.getppid()


def test_what_is_missing_is_named_by_its_package(tmp_path: Path) -> None:
    script = "from ferryman.lab.requirements import require; require()"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "apt-get install --no-install-recommends apt busybox-static" in done.stderr
