"""Processes told apart by id **and** start time, so that a reused id is never touched."""

from __future__ import annotations

import contextlib
import os
import select
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ferryman.lab.shell import LabError

END_TIMEOUT_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One process of this machine, for as long as the machine is up."""

    pid: int
    start_ticks: int
    """When it started, in clock ticks since the machine did."""


def identify(pid: int) -> Process | None:
    """The process that has this id now, or None."""
    fields = _stat(pid)
    return None if fields is None else Process(pid=pid, start_ticks=int(fields[19]))


def is_alive(process: Process) -> bool:
    """Whether that very process still runs; one that waits to be reaped does not."""
    fields = _stat(process.pid)
    return fields is not None and int(fields[19]) == process.start_ticks and fields[0] != "Z"


def parent_of(pid: int) -> int:
    """Its parent's id; 0 where it has none that this process can see."""
    fields = _stat(pid)
    return 0 if fields is None else int(fields[1])


def end(process: Process) -> bool:
    """Kill that very process and wait until it is gone; False where it was gone already.

    Raises LabError where it outlives the signal by END_TIMEOUT_S.
    """
    with _handle(process) as handle:
        if handle is None:
            return False
        signal.pidfd_send_signal(handle, signal.SIGKILL)
        # A pidfd becomes readable when its process ends, be it reaped or not.
        if not select.select([handle], [], [], END_TIMEOUT_S)[0]:
            raise LabError(f"process {process.pid} does not end; see what it waits for in /proc/{process.pid}/stack")
    return True


def reap(process: Process) -> None:
    """Collect an ended process where it is this one's own child; else its parent does."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(process.pid, os.WNOHANG)


@contextlib.contextmanager
def _handle(process: Process) -> Iterator[int | None]:
    """A descriptor that means this process and no later one with its id."""
    try:
        handle = os.pidfd_open(process.pid)
    except ProcessLookupError:
        yield None
        return
    try:
        yield handle if is_alive(process) else None
    finally:
        os.close(handle)


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the state on (field 3 of proc(5) is [0]), or None."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The command's name is in parentheses and may itself hold spaces and parentheses.
    return text.rpartition(")")[2].split()
