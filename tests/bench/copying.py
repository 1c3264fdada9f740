"""The plain copy of a disk from host to host, against `nbdcopy` from and to the same, in turn."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from statistics import median

from bench_lab import HOSTS, bench_lab

from ferryman.fleet.images import Image
from ferryman.fleet.libvirt_host import LibvirtHost
from ferryman.fleet.values import VolumeRef
from ferryman.specs.models import HostSpec

_MIB = 1024 * 1024
_DISK_MIB, _RUN_MIB, _RUNS = 2048, 64, 8
_LEAST = 0.9
"""Of nbdcopy's speed."""


def main() -> None:
    """Bring up a lab and measure inside it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--inside", nargs=3, metavar=("SOURCE", "DESTINATION", "ADDRESS"), help="(used by itself)")
    wanted = parser.parse_args()
    if wanted.inside:
        sys.exit(measure(*wanted.inside, wanted.pairs))
    with bench_lab("10.92.4.0/24") as bench:
        address = bench.lab.ledger.layout.host(HOSTS[1]).address
        command = [sys.executable, __file__, "--pairs", str(wanted.pairs), "--inside", *HOSTS, address]
        done = bench.lab.exec(command, timeout_s=900)
    print(done.stdout, done.stderr, sep="")
    sys.exit(done.returncode)


def measure(source: str, destination: str, address: str, pairs: int) -> int:
    """Copies in turn, beside the hosts; the exit code."""
    here, there = (LibvirtHost(spec(name), lambda: None) for name in (source, destination))
    ref = VolumeRef(pool="vms", name="bench.raw")
    disk = here.volumes.create(ref, format="raw", capacity_bytes=_DISK_MIB * _MIB)
    writes = [
        f"dd if=/dev/urandom of={disk.path} bs=1M count={_RUN_MIB} seek={at * _DISK_MIB // _RUNS} conv=notrunc,fsync"
        for at in range(_RUNS)
    ]
    on(source, " && ".join(writes))
    image = Image(path=disk.path, format="raw")
    took: dict[str, list[float]] = {"ferryman": [], "nbdcopy": []}
    for _ in range(pairs):
        for who, seconds in took.items():
            there.volumes.delete(ref)
            target = there.volumes.create(ref, format="raw", capacity_bytes=_DISK_MIB * _MIB)
            with there.images.serve(Image(path=target.path, format="raw"), name="bench", address=address) as export:
                began = time.monotonic()
                if who == "ferryman":
                    here.images.copy(image, export, bandwidth_mib_s=0, told=lambda _: None)
                else:
                    on(source, f"nbdcopy --flush {disk.path} {export.uri}")
                seconds.append(time.monotonic() - began)
                assert here.images.same(image, export, told=lambda _: None)
        print(", ".join(f"{who} {seconds[-1]:.2f} s" for who, seconds in took.items()), flush=True)
    speed = median(took["nbdcopy"]) / median(took["ferryman"])
    print(f"{pairs} pairs, {_RUNS * _RUN_MIB} MiB of data in {_DISK_MIB} MiB: {speed:.2f} of nbdcopy's speed")
    print(f"  (at least {_LEAST})")
    return 0 if speed >= _LEAST else 1


def spec(name: str) -> HostSpec:
    """A host of the lab."""
    return HostSpec(name=name, uri=f"qemu+ssh://root@{name}/system")


def on(host: str, command: str) -> None:
    """Run a command there; it must succeed."""
    subprocess.run(["ssh", f"root@{host}", command], check=True, capture_output=True)


if __name__ == "__main__":
    main()
