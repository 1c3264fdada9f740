"""The accuracy bench with the lab's guest: its QEMU is stopped and continued, so that its network queues probes.

Such an outage ends for all queued probes at once, and is held to what accuracy.py holds others to on an idle machine.
It fails unless the truth lies within the bounds in every case, they are at most two intervals and the baseline's round
trip apart, and midpoints err by at most 5 ms in 99 of 100.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from functools import partial
from pathlib import Path

from accuracy_cases import Truth, judge, table
from bench_lab import HOSTS, bench_lab
from cutting import watch
from netns import set_namespace
from running import RunningLab

from ferryman.downtime.prober import Probe
from ferryman.downtime.values import ProbeTarget

KIND, GUEST = "qemu stopped", "probed"
LENGTHS_MS = (20, 50, 100, 200, 500)
"""Not longer: an emulated guest takes about a millisecond for each probe that waited, so that one stopped for 3 s on a
busy machine answered new probes only 0.6 s after it went on, and that was measured: 3,634 ms."""
SUBNET = os.environ.get("FERRYMAN_TEST_SUBNET", "10.92.5.0/24")


def qemu_of(guest: str) -> int:
    """The process that runs the guest."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_text(errors="replace")
        except OSError:
            continue  # it ended meanwhile
        if "qemu-system" in command and f"guest={guest}," in command:
            return int(entry.name)
    raise LookupError(f"no QEMU of {guest}")


def stop(pid: int, for_ms: float) -> Truth:
    """Stop it for so long."""
    cutting_ns = time.monotonic_ns()
    os.kill(pid, signal.SIGSTOP)
    cut_ns = time.monotonic_ns()
    threading.Event().wait(for_ms / 1000)
    healing_ns = time.monotonic_ns()
    os.kill(pid, signal.SIGCONT)
    return Truth(cutting_ns, cut_ns, healing_ns, time.monotonic_ns())


def begin(lab: RunningLab, interval_ms: float) -> Probe:
    """Probe the guest from beside the hosts."""
    with (
        Path("/proc/thread-self/ns/net").open() as home,
        Path(f"/proc/{lab.ledger.operator.holder.pid}/ns/net").open() as operator,
    ):
        set_namespace(operator)
        try:
            return Probe.start(ProbeTarget(address=lab.address(GUEST), port=22, interval_ms=interval_ms))
        finally:
            set_namespace(home)


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--interval-ms", type=float, default=5)
    options = parser.parse_args()
    with bench_lab(SUBNET) as bench:
        bench.lab.add_guest(GUEST, HOSTS[0])
        pid = qemu_of(GUEST)
        probe = begin(bench.lab, options.interval_ms)
        found = watch(KIND, probe, partial(stop, pid), LENGTHS_MS * options.rounds)
    print(table([found]))
    misses = judge([found], options.interval_ms, uncut=(), loose=())
    print(*(f"MISSED {miss}" for miss in misses), sep="\n")
    sys.exit(1 if misses else 0)


if __name__ == "__main__":
    main()
