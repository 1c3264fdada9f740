"""What the daemon costs over a bare `virsh migrate` of the same VM, in turn, in one run.

Prints, for each pair, from the commit to the hypervisor's migration begun, from the commit to the VM seen only at its
destination, and what virsh took; then the medians. Ratios in one run are what counts: the machine's speed varies.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from daemon_run import DaemonRun, SpecsRepository
from running import RunningLab

from ferryman.lab import lab as labs
from ferryman.lab.layout import plan_layout
from ferryman.lab.options import DEFAULT_CACHE

HOSTS = ("oslo", "bergen")
VM = "bench-01"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One move by the daemon and one by virsh; seconds."""

    begun_s: float
    """From the commit to the hypervisor's migration begun."""
    daemon_s: float
    """From the commit until the source has no such VM any more, and the destination runs it."""
    virsh_s: float


def main() -> None:
    """Run the pairs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=7)
    pairs = parser.parse_args().pairs
    with tempfile.TemporaryDirectory(prefix="ferryman-bench-") as name:
        folder = Path(name)
        lab = RunningLab(ledger=labs.up(plan_layout(folder / "lab", HOSTS, "10.92.0.0/24"), DEFAULT_CACHE, print))
        try:
            lab.add_guest(VM, HOSTS[0])
            report([pair(lab, folder / str(number)) for number in range(pairs)])
        finally:
            labs.down(folder / "lab", print)


def pair(lab: RunningLab, folder: Path) -> Pair:
    """The daemon there, virsh back."""
    source, destination = HOSTS
    specs = SpecsRepository.of_lab(lab, folder / "specs", VM)
    daemon = DaemonRun(lab=lab, specs=specs, state=folder / "state", log=folder / "log")
    with daemon.running():
        daemon.until_in_place(VM, source)
        committed_at = datetime.now(UTC)
        began = time.monotonic()
        specs.move(VM, destination)
        wait_until_there(lab, destination)
        daemon_s = time.monotonic() - began
        daemon.until(lambda: bool(daemon.records(VM)), "the move is recorded")
        (record,) = daemon.records(VM)
        begun_s = (record.started_at - committed_at).total_seconds() + (record.begun_ms or 0.0) / 1000
    volume = f"{VM}.qcow2"
    lab.virsh(source, "vol-delete", volume, "--pool", "vms")
    lab.virsh(source, "vol-create-as", "vms", volume, "64M", "--format", "qcow2")
    virsh_s = migrate_with_virsh(lab, destination, source)
    lab.virsh(destination, "vol-delete", volume, "--pool", "vms")
    lab.wait_until_ready(VM)
    print(f"begun {begun_s:.3f} s, daemon {daemon_s:.3f} s, virsh {virsh_s:.3f} s", flush=True)
    return Pair(begun_s=begun_s, daemon_s=daemon_s, virsh_s=virsh_s)


def migrate_with_virsh(lab: RunningLab, source: str, destination: str) -> float:
    """A bare virsh migrate with storage copied, as a person types it; seconds."""
    peer = f"qemu+ssh://root@{destination}/system"
    options = ["--live", "--p2p", "--persistent", "--undefinesource", "--copy-storage-all"]
    began = time.monotonic()
    lab.virsh(source, "migrate", *options, VM, peer)
    return time.monotonic() - began


def wait_until_there(lab: RunningLab, host: str) -> None:
    """Until the hosts themselves say that it is there and only there."""
    while lab.whereabouts(VM) != {host: "running"}:
        time.sleep(0.02)


def report(pairs: list[Pair]) -> None:
    """The medians."""
    daemon, virsh = median(one.daemon_s for one in pairs), median(one.virsh_s for one in pairs)
    begun = median(one.begun_s for one in pairs)
    print(f"{len(pairs)} pairs, medians: begun {begun:.3f} s, daemon {daemon:.3f} s, virsh {virsh:.3f} s")
    print(f"overhead {daemon - virsh:+.3f} s, ratio {daemon / virsh:.2f}")
    sys.exit(0 if begun <= 0.5 and (daemon - virsh <= 0.5 or daemon <= 1.1 * virsh) else 1)


if __name__ == "__main__":
    main()
