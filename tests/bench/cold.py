"""Cold moves: does the downtime grow with the disk, and how does it compare with the procedure that it replaces?

A guest with a 256 MiB disk and one with a 4 GiB disk, both nearly full of data that does not compress, move in turn;
then the larger one by the scripted procedure: shut down, convert to qcow2, copy by scp, convert back, define, start.
Downtimes as a third program's pings saw them.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import echo_probe
from bench_lab import HOSTS, Bench, bench_lab

from ferryman.lab.guest_xml import DiskFormat

_SIZES_MIB = {"small": 256, "large": 4096}
_COUNTER_MIB = 8
"""What the guest keeps for itself at its disk's beginning."""
_FULL = 0.9
_MOST_GROWTH, _MOST_OF_SCRIPT = 1.2, 0.1


def main() -> None:
    """Run it all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    with bench_lab("10.92.3.0/24") as bench:
        for vm, mib in _SIZES_MIB.items():
            add_full(bench, vm, mib)
        downtimes: dict[str, list[float]] = {vm: [] for vm in _SIZES_MIB}
        for number in range(rounds):
            for vm in _SIZES_MIB:
                downtimes[vm].append(by_daemon(bench, vm, f"{vm}-{number}"))
        script_ms = by_script(bench, "large")
    small_ms, large_ms = (median(downtimes[vm]) for vm in ("small", "large"))
    print(f"downtime, medians of {rounds}: 256 MiB {small_ms:.0f} ms, 4 GiB {large_ms:.0f} ms")
    print(f"  ratio {large_ms / small_ms:.2f} (at most {_MOST_GROWTH})")
    print(f"the scripted procedure, 4 GiB: {script_ms:.0f} ms")
    print(f"  ratio {large_ms / script_ms:.2f} (at most {_MOST_OF_SCRIPT})")
    sys.exit(0 if large_ms <= _MOST_GROWTH * small_ms and large_ms <= _MOST_OF_SCRIPT * script_ms else 1)


def add_full(bench: Bench, vm: str, mib: int) -> None:
    """A running guest whose disk was filled on its host, many times as fast as an emulated guest does it."""
    bench.lab.add_guest(vm, HOSTS[0], off=True, disk_mib=mib, disk_format=DiskFormat.RAW)
    disk, size = bench.lab.disk(vm, HOSTS[0]), int(_FULL * mib) - _COUNTER_MIB
    fill = ["dd", "if=/dev/urandom", f"of={disk}", "bs=1M", f"seek={_COUNTER_MIB}", f"count={size}"]
    subprocess.run([*fill, "conv=notrunc,fsync"], check=True, capture_output=True)
    bench.lab.virsh(HOSTS[0], "start", vm)
    bench.lab.wait_until_ready(vm)


def by_daemon(bench: Bench, vm: str, name: str) -> float:
    """A cold move to the other host; ms of downtime."""
    (home,) = bench.lab.whereabouts(vm)
    away = next(host for host in HOSTS if host != home)
    bench.lab.tidy(vm)
    daemon = bench.daemon(name, vm)
    daemon.specs.replace(f"vms/{vm}.toml", 'method = "auto"', 'method = "cold"')
    daemon.specs.commit("May be shut down")
    with daemon.running():
        daemon.until_in_place(vm, home)

        def move() -> None:
            daemon.specs.move(vm, away)
            daemon.until(lambda: bool(daemon.records(vm)), "the move is recorded", within_s=300)

        down_ms = downtime_ms(bench, vm, move)
    (record,) = daemon.records(vm)
    print(f"{vm}: down {down_ms:.0f} ms, by ferryman's own probe {record.measurement.downtime_ms:.0f} ms", flush=True)
    return down_ms


def by_script(bench: Bench, vm: str) -> float:
    """What two engineers did by hand; ms of downtime."""
    (home,) = bench.lab.whereabouts(vm)
    away = next(host for host in HOSTS if host != home)
    bench.lab.tidy(vm)
    folder, disk = "/var/lib/libvirt/images", f"/var/lib/libvirt/images/{vm}.img"
    steps = [
        f"virsh -c qemu:///system shutdown {vm}",
        f"while virsh -c qemu:///system domstate {vm} | grep -q running; do sleep 0.1; done",
        f"qemu-img convert -f raw -O qcow2 {disk} {folder}/{vm}.sent",
        f"virsh -c qemu:///system dumpxml --inactive {vm} > {folder}/{vm}.xml",
        f"scp -q {folder}/{vm}.sent {folder}/{vm}.xml root@{away}:{folder}/",
        f"ssh root@{away} qemu-img convert -f qcow2 -O raw {folder}/{vm}.sent {disk}",
        f"ssh root@{away} virsh -q -c qemu:///system define {folder}/{vm}.xml",
        f"ssh root@{away} virsh -q -c qemu:///system start {vm}",
    ]

    def move() -> None:
        done = bench.lab.exec(["ssh", f"root@{home}", "set -e; " + "; ".join(steps)], timeout_s=900)
        assert done.returncode == 0, done.stderr
        bench.lab.wait_until_ready(vm)

    return downtime_ms(bench, vm, move)


def downtime_ms(bench: Bench, vm: str, move: Callable[[], None]) -> float:
    """The longest time without an answer to a ping while the VM moves."""
    prober = Path(echo_probe.__file__).resolve()
    argv = bench.lab.ledger.operator.enter([sys.executable, str(prober), bench.lab.address(vm)])
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as pings:
        time.sleep(1.0)
        move()
        bench.lab.wait_until_ready(vm)
        time.sleep(1.0)
        return float(pings.communicate()[0])


if __name__ == "__main__":
    main()
