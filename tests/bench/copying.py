"""The plain copy of a disk from host to host, against `nbdcopy` from and to the same, in turn.

Timed is the whole of it: the destination's server starts, all is copied, and it ends with all of it on its disk. Who
begins changes from pair to pair; each pair's ratio is taken, and of these the median, for disks' speed wanders.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from bench_lab import HOSTS, bench_lab

from ferryman.fleet.images import Export, Image
from ferryman.fleet.libvirt_adapter.host import LibvirtHost
from ferryman.fleet.storage import VolumeRef
from ferryman.specs.host_spec import HostSpec

_MIB = 1024 * 1024
_DISK_MIB, _RUN_MIB, _RUNS = 2048, 64, 8
_LEAST = 0.9
"""Of nbdcopy's speed."""


def main() -> None:
    """Bring up a lab and measure inside it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=9)
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
    copies = Copies(here=here, there=there, source=source, address=address, image=Image(path=disk.path, format="raw"))
    ratios = []
    for number in range(pairs):
        order = (copies.by_ferryman, copies.by_nbdcopy)
        took = {copy: copies.timed(ref, copy) for copy in (order if number % 2 else reversed(order))}
        ferryman_s, nbdcopy_s = took[copies.by_ferryman], took[copies.by_nbdcopy]
        ratios.append(nbdcopy_s / ferryman_s)
        print(f"ferryman {ferryman_s:.2f} s, nbdcopy {nbdcopy_s:.2f} s: {ratios[-1]:.2f} of its speed", flush=True)
    speed = median(ratios)
    print(f"{pairs} pairs, {_RUNS * _RUN_MIB} MiB of data in {_DISK_MIB} MiB: {speed:.2f} of nbdcopy's speed")
    print(f"  (at least {_LEAST})")
    return 0 if speed >= _LEAST else 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Copies:
    """One disk, and two ways to copy it."""

    here: LibvirtHost
    there: LibvirtHost
    source: str
    address: str
    image: Image

    def by_ferryman(self, export: Export) -> None:
        """As a cold move does it."""
        self.here.images.copy(self.image, export, bandwidth_mib_s=0, told=lambda _: None)

    def by_nbdcopy(self, export: Export) -> None:
        """As its manual page advises for a copy that is to last."""
        on(self.source, f"nbdcopy --flush {self.image.path} {export.uri}")

    def timed(self, ref: VolumeRef, copy: Callable[[Export], None]) -> float:
        """Seconds until a copy into a new volume is on its disk. It is compared with its source afterwards."""
        self.there.volumes.delete(ref)
        volume = self.there.volumes.create(ref, format="raw", capacity_bytes=_DISK_MIB * _MIB)
        target = Image(path=volume.path, format="raw")
        began = time.monotonic()
        with self.there.images.serve(target, name="bench", address=self.address) as export:
            copy(export)
        took_s = time.monotonic() - began
        with self.there.images.serve(target, name="bench", address=self.address) as export:
            assert self.here.images.same(self.image, export, told=lambda _: None)
        return took_s


def spec(name: str) -> HostSpec:
    """A host of the lab."""
    return HostSpec(name=name, uri=f"qemu+ssh://root@{name}/system")


def on(host: str, command: str) -> None:
    """Run a command there; it must succeed."""
    subprocess.run(["ssh", f"root@{host}", command], check=True, capture_output=True)


if __name__ == "__main__":
    main()
