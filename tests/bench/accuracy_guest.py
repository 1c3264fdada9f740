"""The accuracy bench with the lab's guest: its QEMU is stopped and continued, so that its network queues probes.

Such an outage ends for all queued probes at once, and is held to what accuracy.py holds others to on an idle machine.
A guest that goes on is not yet reachable: an emulated one with a hundred probes waiting took up to 10 ms to answer the
first. So what is true is known from its host: away at least until its QEMU was continued, and at most until its first
answer came out of its network card there, as the kernel stamped it.

It fails unless the truth lies within the bounds in every case, they are at most two intervals and the baseline's round
trip apart, and midpoints err by at most 5 ms in 99 of 100.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import struct
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from accuracy_cases import Truth, judge, table
from bench_lab import HOSTS, bench_lab
from cutting import watch
from netns import set_namespace
from running import RunningLab

from ferryman.downtime.prober import Probe
from ferryman.downtime.values import ProbeTarget

KIND, GUEST, PORT = "qemu stopped", "probed", 22
LENGTHS_MS = (20, 50, 100, 200, 500)
"""Not longer: an emulated guest takes about a millisecond for each probe that waited, so that one stopped for 3 s on a
busy machine answered new probes only 0.6 s after it went on, and that was measured: 3,634 ms."""
_ALL_PACKETS, _ETHERNET_BYTES, _LARGEST_BYTES = 3, 14, 2048
"""ETH_P_ALL: a bridge takes the others before they are seen here."""
_IPV4 = b"\x08\x00"
_SYN_AND_ACK = 0x12
_STAMP, _STAMPED = struct.Struct("qq"), 35
"""A struct timespec; SO_TIMESTAMPNS."""
_ANSWERS_WITHIN_S = 10.0
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


@dataclass(frozen=True, slots=True)
class Guest:
    """One that is stopped, and its network card as its host sees it."""

    qemu: int
    card: socket.socket

    def stop(self, for_ms: float) -> Truth:
        """Stop it for so long; returns when it has answered again."""
        cutting_ns = time.monotonic_ns()
        os.kill(self.qemu, signal.SIGSTOP)
        cut_ns = time.monotonic_ns()
        threading.Event().wait(for_ms / 1000)
        healing_ns = time.monotonic_ns()
        os.kill(self.qemu, signal.SIGCONT)
        return Truth(cutting_ns, cut_ns, healing_ns, self._answers_after_ns(healing_ns))

    def _answers_after_ns(self, moment_ns: int) -> int:
        """When its first answer to a probe left it after that."""
        while True:
            packet, ancillary, *_ = self.card.recvmsg(_LARGEST_BYTES, 64)
            seconds, ns = _STAMP.unpack(ancillary[0][2])
            stamped_ns = seconds * 1_000_000_000 + ns - (time.time_ns() - time.monotonic_ns())
            if stamped_ns > moment_ns and _is_answer(packet):
                return stamped_ns


def _is_answer(packet: bytes) -> bool:
    """From its sshd, to a SYN."""
    if packet[12:14] != _IPV4 or packet[_ETHERNET_BYTES + 9] != socket.IPPROTO_TCP:
        return False
    tcp = _ETHERNET_BYTES + (packet[_ETHERNET_BYTES] & 0xF) * 4
    return int.from_bytes(packet[tcp : tcp + 2]) == PORT and packet[tcp + 13] == _SYN_AND_ACK


@contextmanager
def inside(pid: int) -> Iterator[None]:
    """What the calling thread makes is in that process's network."""
    with Path("/proc/thread-self/ns/net").open() as home, Path(f"/proc/{pid}/ns/net").open() as there:
        set_namespace(there)
        try:
            yield
        finally:
            set_namespace(home)


def card_of(lab: RunningLab, host: str) -> socket.socket:
    """Hears what the guest sends and receives."""
    name = lab.virsh(host, "domiflist", GUEST).split()[0]
    with inside(lab.ledger.namespace(host).holder.pid):
        card = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL_PACKETS))
    card.setsockopt(socket.SOL_SOCKET, _STAMPED, 1)
    card.settimeout(_ANSWERS_WITHIN_S)
    card.bind((name, 0))
    return card


def begin(lab: RunningLab, interval_ms: float) -> Probe:
    """Probe the guest from beside the hosts."""
    with inside(lab.ledger.operator.holder.pid):
        return Probe.start(ProbeTarget(address=lab.address(GUEST), port=PORT, interval_ms=interval_ms))


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--interval-ms", type=float, default=5)
    options = parser.parse_args()
    with bench_lab(SUBNET) as bench:
        bench.lab.add_guest(GUEST, HOSTS[0])
        guest = Guest(qemu_of(GUEST), card_of(bench.lab, HOSTS[0]))
        probe = begin(bench.lab, options.interval_ms)
        found = watch(KIND, probe, guest.stop, LENGTHS_MS * options.rounds)
    print(table([found]))
    misses = judge([found], options.interval_ms, uncut=(), loose=())
    print(*(f"MISSED {miss}" for miss in misses), sep="\n")
    sys.exit(1 if misses else 0)


if __name__ == "__main__":
    main()
