"""A lab that is up, as tests use it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from ferryman.fleet.ownership import NAMESPACE
from ferryman.lab import guests, ledger
from ferryman.lab import lab as labs
from ferryman.lab.guest_xml import GuestPlan
from ferryman.lab.layout import POOL_PATH, plan_layout
from ferryman.lab.ledger import Ledger
from ferryman.lab.options import DEFAULT_CACHE

HOSTS = ("oslo", "bergen", "narvik")
_SUBNET = os.environ.get("FERRYMAN_TEST_SUBNET", "10.91.4.0/24")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningLab:
    """A lab that is up, as tests use it."""

    ledger: Ledger

    @property
    def folder(self) -> Path:
        """Everything of the lab."""
        return self.ledger.layout.folder

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts' names."""
        return tuple(host.name for host in self.ledger.layout.hosts)

    def exec(self, argv: Sequence[str], timeout_s: float = 120) -> subprocess.CompletedProcess[str]:
        """Run a command beside the hosts, through the very command that users have."""
        command = [*lab_command("exec", self.folder), "--", *argv]
        return subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)

    def virsh(self, host: str, *command: str) -> str:
        """Run virsh against a host by SSH; it must succeed."""
        done = self.exec(["virsh", "--quiet", "-c", f"qemu+ssh://root@{host}/system", *command])
        assert done.returncode == 0, done.stderr
        return done.stdout

    def add_guest(self, name: str, on: str, *, off: bool = False, **size: object) -> GuestPlan:
        """Add a guest and, unless `off`, wait until it answers; `size` is GuestPlan's fields."""
        planned = replace(guests.plan(self.ledger, name, None), **size)
        guests.add(self.ledger, planned, on, off=off)
        if not off:
            guests.wait_until_ready(self.ledger, name)
        return planned

    def remove_guest(self, name: str) -> None:
        """Remove a guest wherever it is."""
        guests.remove(self.ledger, name)

    def counter(self, name: str) -> int:
        """The last number that the guest knows to be on its disk."""
        return guests.counter(self.ledger, name)

    def wait_until_ready(self, name: str) -> int:
        """Wait until the guest answers; its counter."""
        return guests.wait_until_ready(self.ledger, name)

    def fill(self, name: str, mib: int) -> None:
        """Let a running guest write random data to its disk, past its counter."""
        write = f"dd if=/dev/urandom of=/dev/vda bs=1M seek=8 count={mib} conv=fsync"
        done = self.exec(["ssh", f"root@{self.address(name)}", write])
        assert done.returncode == 0, done.stderr

    def address(self, name: str) -> str:
        """A guest's IP address."""
        return guests.find(self.ledger.layout, name).address

    def disk(self, name: str, host: str) -> Path:
        """A guest's disk in that host's pool, as this machine sees the file; it need not exist."""
        pool = self.ledger.layout.host(host).folder / POOL_PATH.lstrip("/")
        return pool / guests.find(self.ledger.layout, name).volume

    def disks(self, name: str) -> set[str]:
        """The hosts whose pools hold a disk of the guest."""
        return {host for host in self.hosts if self.disk(name, host).exists()}

    def tidy(self, name: str) -> None:
        """Delete the guest's disks on hosts that do not have the guest: what earlier moves left behind."""
        for host in set(self.hosts) - self.whereabouts(name).keys():
            for disk in self.disk(name, host).parent.glob(f"{name}.*"):
                disk.unlink()

    def untag(self, name: str) -> None:
        """Take away what a daemon that never came back left on the guest: others would wait for it."""
        for host in self.whereabouts(name):
            command = ["metadata", name, "--uri", NAMESPACE, "--live", "--config", "--remove"]
            self.exec(["virsh", "--quiet", "-c", f"qemu+ssh://root@{host}/system", *command])

    def whereabouts(self, name: str) -> dict[str, str]:
        """Host -> state of every host that lists the guest."""
        return {found.host: found.state for found in guests.sightings(self.ledger) if found.guest == name}


@contextmanager
def brought_up(folder: Path) -> Iterator[RunningLab]:
    """A lab of three hosts and a storage host, for the block."""
    try:
        yield RunningLab(ledger=labs.up(plan_layout(folder, HOSTS, _SUBNET), DEFAULT_CACHE, print, storage=True))
    finally:
        if ledger.exists(folder):
            labs.down(folder, print)


def lab_command(command: str, folder: Path) -> list[str]:
    """`ferryman lab COMMAND --folder FOLDER`, from this checkout."""
    return [sys.executable, "-m", "ferryman.lab", command, "--folder", str(folder)]
