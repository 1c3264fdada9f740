"""How many copies of a VM run, sampled all the time: by the processor time of all its QEMUs on all hosts.

A QEMU whose guest is stopped, or has not arrived yet, has processor threads that do not run. libvirt is not asked:
what is tested here is whether it can be relied on.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from running import RunningLab

from ferryman.lab.namespaces import network_inode

_EVERY_S = 0.1
_FIND_EVERY = 3
"""Samples between two searches for new QEMUs."""
_RUNS_NS = 1_000_000
"""Of processor time in one sample: less is QEMU's own work, done in the guest's thread while the guest stands still."""
_AT_ONCE = 3
"""In the one sample in which a guest changes hosts, both of its QEMUs ran; in so many in a row they run at once."""


@dataclass(slots=True)
class Copies:
    """What was seen of one VM."""

    vm: str
    networks: frozenset[int]
    """Of the lab's hosts: other labs on this machine may have a VM of this name."""
    samples: int = 0
    most_qemus: int = 0
    together: list[float] = field(default_factory=list)
    """The moments at which two ran at once; empty is as it must be."""
    evidence: list[str] = field(default_factory=list)
    """Of every sample in which more than one ran: when, and for how long each QEMU did, in ns."""
    _ran_ns: dict[int, int] = field(default_factory=dict)
    _pids: list[int] = field(default_factory=list)
    _both: int = 0

    def sample(self) -> None:
        """Look once."""
        if self.samples % _FIND_EVERY == 0:
            self._pids = qemus(self.vm, self.networks)
        self.samples += 1
        now = {pid: ran for pid in self._pids if (ran := _guest_time_ns(pid)) is not None}
        ran_ns = {pid: ran - self._ran_ns.get(pid, ran) for pid, ran in now.items()}
        running = [pid for pid, ran in ran_ns.items() if ran > _RUNS_NS]
        if len(running) > 1:
            self.evidence.append(f"{time.monotonic():.3f} s: {ran_ns}")
        self._ran_ns = now
        self.most_qemus = max(self.most_qemus, len(now))
        self._both = self._both + 1 if len(running) > 1 else 0
        if self._both >= _AT_ONCE:
            self.together.append(time.monotonic())


@contextmanager
def watched(vm: str, lab: RunningLab) -> Iterator[Copies]:
    """Sample in the background, for the block; at its end no two may have run at once."""
    inodes = frozenset(lab.ledger.namespace(host).network_inode for host in lab.hosts)
    copies, over = Copies(vm, inodes), threading.Event()

    def run() -> None:
        while not over.wait(_EVERY_S):
            copies.sample()

    thread = threading.Thread(target=run, name=f"copies of {vm}", daemon=True)
    thread.start()
    try:
        yield copies
    finally:
        over.set()
        thread.join()
    assert copies.samples > 0
    assert copies.together == [], (
        f"{vm} ran twice in {len(copies.together)} of {copies.samples} samples; {copies.evidence}"
    )


def qemus(vm: str, networks: Collection[int]) -> list[int]:
    """Every QEMU of that VM on these hosts: this machine sees the processes of all of them."""
    marker = f"guest={vm},".encode()
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if not entry.name.isdigit() or marker not in (entry / "cmdline").read_bytes():
                continue
            if network_inode(int(entry.name)) in networks:
                found.append(int(entry.name))
        except OSError:
            continue  # it ended meanwhile
    return found


def _guest_time_ns(pid: int) -> int | None:
    """For how long its processor threads have run; None where it has ended."""
    total = 0
    try:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            if (thread / "comm").read_text().startswith("CPU "):
                total += int((thread / "schedstat").read_text().split()[0])
    except OSError:
        return None
    return total
