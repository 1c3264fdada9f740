"""ferryman's live moves against a bare `virsh migrate --live` of the same guest, in turn, in one run.

For each pair: from the commit to the hypervisor's migration begun, from the commit until the source has undefined the
VM, what virsh took until it returned, and the downtime of both as a third program's pings saw it. Then the medians.
Ratios in one run are what counts: the machine's speed varies.

The guest holds data in its memory, as servers do. One with less than the link carries within libvirt's default limit of
300 ms (`--memory-mib 96 --filled-mib 0`, on a fast machine) is stopped by virsh after the first tenth of a second, and
little more than the hand-over remains to be compared.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import echo_probe
from bench_lab import HOSTS, Bench, bench_lab

from ferryman.lab.guest_xml import DiskHome

_SUBNETS = {DiskHome.COPY: "10.92.0.0/24", DiskHome.NFS: "10.92.1.0/24", DiskHome.ISCSI: "10.92.2.0/24"}
_MOST_OF_VIRSH = {DiskHome.COPY: 0.5, DiskHome.NFS: 0.3, DiskHome.ISCSI: 0.3}
"""The downtime that is aimed at, as a share of virsh's."""
_MOST_OF_TIME, _MOST_BEGUN_S, _MOST_OVERHEAD_S = 1.3, 0.5, 0.5
_QUIET_S = 1.0
"""Pinged before and after a move."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """One move; seconds and milliseconds."""

    total_s: float
    downtime_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One move by the daemon and one by virsh."""

    begun_s: float
    daemon: Timed
    virsh: Timed


def main() -> None:
    """Run the pairs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=8)
    parser.add_argument("--disk", type=DiskHome, choices=list(DiskHome), default=DiskHome.COPY)
    parser.add_argument("--memory-mib", type=int, default=512)
    parser.add_argument("--filled-mib", type=int, default=384)
    wanted = parser.parse_args()
    vm = f"bench-{wanted.disk}"
    with bench_lab(_SUBNETS[wanted.disk], storage=wanted.disk is not DiskHome.COPY) as bench:
        size = {"memory_mib": wanted.memory_mib, "filled_mib": wanted.filled_mib}
        bench.lab.add_guest(vm, HOSTS[0], disk=wanted.disk, **size)
        pairs = [pair(bench, vm, wanted.disk, number) for number in range(wanted.pairs)]
    sys.exit(0 if report(pairs, wanted.disk) else 1)


def pair(bench: Bench, vm: str, disk: DiskHome, number: int) -> Pair:
    """One moves it away and the other back, and in the next pair the other way round.

    Memory that a host gives out for the first time is slower than what it was just given back: a bench in which one of
    them always goes away measures that, too.
    """
    away, back = (HOSTS[0], HOSTS[1]), (HOSTS[1], HOSTS[0])
    if number % 2:
        by_virsh = moved_by_virsh(bench, vm, disk, *away)
        begun_s, by_daemon = moved_by_daemon(bench, vm, disk, *back, name=str(number))
    else:
        begun_s, by_daemon = moved_by_daemon(bench, vm, disk, *away, name=str(number))
        by_virsh = moved_by_virsh(bench, vm, disk, *back)
    print(
        f"begun {begun_s:.3f} s; daemon {by_daemon.total_s:.2f} s, down {by_daemon.downtime_ms:.0f} ms; "
        f"virsh {by_virsh.total_s:.2f} s, down {by_virsh.downtime_ms:.0f} ms",
        flush=True,
    )
    return Pair(begun_s=begun_s, daemon=by_daemon, virsh=by_virsh)


def moved_by_daemon(
    bench: Bench, vm: str, disk: DiskHome, source: str, destination: str, *, name: str
) -> tuple[float, Timed]:
    """A commit, and how long after it the migration began (seconds)."""
    daemon = bench.daemon(name, vm)
    with daemon.running():
        daemon.until_in_place(vm, source)
        committed_at: list[datetime] = []

        def move(gone: Iterator[str]) -> None:
            committed_at.append(datetime.now(UTC))
            daemon.specs.move(vm, destination)
            next(gone)

        with leaving(bench, vm, source) as gone:
            by_daemon = timed(bench, vm, lambda: move(gone))
        assert bench.lab.whereabouts(vm) == {destination: "running"}
        daemon.until(lambda: bool(daemon.records(vm)), "the move is recorded")
        (record,) = daemon.records(vm)
    if disk is DiskHome.COPY:
        bench.lab.virsh(source, "vol-delete", f"{vm}.qcow2", "--pool", "vms")
    bench.lab.wait_until_ready(vm)
    return (record.started_at - committed_at[0]).total_seconds() + (record.begun_ms or 0.0) / 1000, by_daemon


def moved_by_virsh(bench: Bench, vm: str, disk: DiskHome, source: str, destination: str) -> Timed:
    """A bare virsh migrate with libvirt's defaults, as a person types it."""
    with_copy, volume = disk is DiskHome.COPY, f"{vm}.qcow2"
    if with_copy:
        bench.lab.virsh(destination, "vol-create-as", "vms", volume, "64M", "--format", "qcow2")
    options = ["--live", "--p2p", "--persistent", "--undefinesource", *["--copy-storage-all"] * with_copy]
    argv = ["virsh", f"--connect=qemu+ssh://root@{source}/system", "migrate", *options]
    by_virsh = timed(
        bench, vm, lambda: bench.lab.ledger.operator.run(*argv, vm, f"qemu+ssh://root@{destination}/system")
    )
    if with_copy:
        bench.lab.virsh(source, "vol-delete", volume, "--pool", "vms")
    bench.lab.wait_until_ready(vm)
    return by_virsh


def timed(bench: Bench, vm: str, move: Callable[[], object]) -> Timed:
    """A move, timed, and pinged from another process meanwhile."""
    prober = Path(echo_probe.__file__).resolve()
    argv = bench.lab.ledger.operator.enter([sys.executable, str(prober), bench.lab.address(vm)])
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as pings:
        time.sleep(_QUIET_S)
        began = time.monotonic()
        move()
        total_s = time.monotonic() - began
        time.sleep(_QUIET_S)
        gap_ms = float(pings.communicate()[0])
    return Timed(total_s=total_s, downtime_ms=gap_ms)


@contextmanager
def leaving(bench: Bench, vm: str, host: str) -> Iterator[Iterator[str]]:
    """What the host says when it has undefined the VM, the last that a move or `virsh migrate` does; for the block.

    The hosts are not asked meanwhile: with two cores, asking takes them from the move.
    """
    listen = ["virsh", f"--connect=qemu+ssh://root@{host}/system", "event", "--loop", "--event=lifecycle"]
    argv = bench.lab.ledger.operator.enter([*listen, f"--domain={vm}"])
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as listener:
        assert listener.stdout is not None
        time.sleep(_QUIET_S)
        try:
            yield (line for line in listener.stdout if "Undefined" in line)
        finally:
            listener.terminate()


def report(pairs: list[Pair], disk: DiskHome) -> bool:
    """The medians, and whether they are what is aimed at."""
    begun_s = median(one.begun_s for one in pairs)
    daemon_s, virsh_s = median(one.daemon.total_s for one in pairs), median(one.virsh.total_s for one in pairs)
    daemon_ms = median(one.daemon.downtime_ms for one in pairs)
    virsh_ms = median(one.virsh.downtime_ms for one in pairs)
    print(f"{len(pairs)} pairs, disk {disk}, medians:")
    print(f"  begun {begun_s:.3f} s after the commit (at most {_MOST_BEGUN_S})")
    print(
        f"  total {daemon_s:.2f} s, virsh {virsh_s:.2f} s: {daemon_s - virsh_s:+.2f} s, ratio {daemon_s / virsh_s:.2f}"
    )
    ratio, most = daemon_ms / virsh_ms, _MOST_OF_VIRSH[disk]
    print(f"  downtime {daemon_ms:.0f} ms, virsh {virsh_ms:.0f} ms: ratio {ratio:.2f} (at most {most})")
    in_time = daemon_s - virsh_s <= _MOST_OVERHEAD_S or daemon_s <= 1.1 * virsh_s
    return begun_s <= _MOST_BEGUN_S and in_time and daemon_s <= _MOST_OF_TIME * virsh_s and ratio <= most


if __name__ == "__main__":
    main()
