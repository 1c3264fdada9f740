"""Takes a service away for a known time, beside it: run in the namespace of the service.

    cutter.py KIND FOLDER CABLE NAMESPACE     then, for each cut, a line with its milliseconds on standard input

It writes `ready`, then for each cut the clock (CLOCK_MONOTONIC, ns) before and after the call that took the service
away, and before and after the one that gave it back: what lies between them is the cutter's own uncertainty. At the
end of standard input it writes how many connections accept() returned. CABLE is the other end's name in the
NAMESPACE (a path) of those who look at the service.

Each cut is one system call or a few, in a process that runs before all others; nft is used as a library.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from netns import set_namespace

PORT, OLD_WAY_PORT = 22, 2222
"""The second one is cut in the same moments: for whom another prober looks at it."""
WIRE = "wire"
_SIOCGIFFLAGS, _IFF_RUNNING = 0x8913, 0x40


class Service(Protocol):
    """Something that listens and can be taken away."""

    def cut(self) -> None:
        """Take it away."""
        ...

    def heal(self) -> None:
        """Give it back."""
        ...

    def accepted(self) -> int:
        """How many connections reached the service."""
        ...


class Listener:
    """A listening socket for each port; closed and opened again: refused meanwhile."""

    def __init__(self, *, backlog: int = 128) -> None:
        self._backlog = backlog
        self._accepted = 0
        self._sockets: list[socket.socket] = []
        self.heal()

    def cut(self) -> None:
        """Close them."""
        self._count()
        for listener in self._sockets:
            # Not only closed: a thread may wait in its accept().
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()

    def heal(self) -> None:
        """Listen, on both families."""
        self._sockets = [
            socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=self._backlog)
            for port in (PORT, OLD_WAY_PORT)
        ]
        threading.Thread(target=_serve, args=(self._sockets[1],), daemon=True).start()

    def accepted(self) -> int:
        """Of the first port only."""
        self._count()
        return self._accepted

    def take_one(self) -> None:
        """Accept what filled the queue; it is not counted."""
        self._sockets[0].setblocking(True)
        self._sockets[0].accept()[0].close()

    def _count(self) -> None:
        self._sockets[0].setblocking(False)
        while True:
            try:
                self._sockets[0].accept()[0].close()
            except BlockingIOError:
                return
            self._accepted += 1


def _serve(listener: socket.socket) -> None:
    """Take whole connections, as the old way makes them, or their queue would fill."""
    while True:
        try:
            listener.accept()[0].close()
        except OSError:
            return


class FullListener(Listener):
    """Its queue of established connections is filled: the kernel drops further SYNs."""

    def __init__(self) -> None:
        super().__init__(backlog=0)
        self._filler = socket.socket()

    def cut(self) -> None:
        """Fill it."""
        self._count()
        self._filler = socket.create_connection(("127.0.0.1", PORT))

    def heal(self) -> None:
        """Empty it; also the first start."""
        if self._sockets:
            self.take_one()
            self._filler.close()
        else:
            super().heal()


class Sshd:
    """A real one; killed and started again: refused meanwhile."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / "sshd.log"
        key = folder / "key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
        ports = ["-o", f"Port={PORT}", "-o", f"Port={OLD_WAY_PORT}"]
        flags = ["-D", "-f", "/dev/null", "-h", str(key), "-E", str(self._log), *ports]
        self._command = ["/usr/sbin/sshd", *flags, "-o", "UsePAM=no", "-o", "LogLevel=DEBUG1"]
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        self.heal()

    def cut(self) -> None:
        """Kill it; `is_listening` says when it is gone."""
        self.process.kill()

    def heal(self) -> None:
        """Start it; `is_listening` says when it is there."""
        if hasattr(self, "process"):
            self.process.wait()
        self.process = subprocess.Popen(self._command)

    def accepted(self) -> int:
        """What its log tells of connections, whatever became of them."""
        self.process.kill()
        self.process.wait()
        lines = self._log.read_text(errors="replace").splitlines() if self._log.exists() else []
        return sum("Connection from" in line and f" port {PORT} " in f"{line} " for line in lines)


class Frozen(Sshd):
    """Stopped: its kernel goes on answering SYNs, until the queue is full. Probes never get into the queue."""

    def cut(self) -> None:
        """SIGSTOP."""
        self.process.send_signal(signal.SIGSTOP)

    def heal(self) -> None:
        """SIGCONT; also the first start."""
        if hasattr(self, "process"):
            self.process.send_signal(signal.SIGCONT)
        else:
            super().heal()


class Uncut(Listener):
    """Nothing happens to it."""

    def cut(self) -> None:
        """Not."""

    def heal(self) -> None:
        """Only the first start."""
        if not self._sockets:
            super().heal()


class Nft:
    """nftables, as a library: a set, and what becomes of packets that are in it."""

    def __init__(self, rule: str, service: Service) -> None:
        """Of `rule`, `%s` is the set that is filled."""
        self._library = ctypes.CDLL("libnftables.so.1")
        self._library.nft_ctx_new.restype = ctypes.c_void_p
        self._context = ctypes.c_void_p(self._library.nft_ctx_new(0))
        self._service = service
        table, hook, kind, elements = (
            ("netdev", f"ingress device {WIRE}", "ether_type", "ip, ip6, arp")
            if rule.startswith("meta")
            else ("inet", "input", "inet_service", f"{PORT}, {OLD_WAY_PORT}")
        )
        self._elements = f"element {table} cut what {{ {elements} }}"
        self._tell(f"add table {table} cut; add set {table} cut what {{ type {kind}; }}")
        self._tell(f"add chain {table} cut arriving {{ type filter hook {hook} priority 0; }}")
        self._tell(f"add rule {table} cut arriving {rule % '@what'}")

    def cut(self) -> None:
        """Fill the set."""
        self._tell(f"add {self._elements}")

    def heal(self) -> None:
        """Empty it."""
        self._tell(f"delete {self._elements}")

    def accepted(self) -> int:
        """The service's."""
        return self._service.accepted()

    def _tell(self, command: str) -> None:
        if self._library.nft_run_cmd_from_buffer(self._context, command.encode()):
            raise OSError(f"nft refused {command}")


class Link:
    """The cable's end at the service goes down and up: RTM_NEWLINK of rtnetlink(7)."""

    def __init__(self, service: Service, cable: str, namespace: Path) -> None:
        with Path("/proc/thread-self/ns/net").open() as home, namespace.open() as other:
            set_namespace(other)
            self._outside = socket.socket()
            set_namespace(home)
        self._cable = struct.pack("16sh14x", cable.encode(), 0)
        self._netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
        self._index = socket.if_nametoindex(WIRE)
        self._service = service

    def cut(self) -> None:
        """Down."""
        self._set(up=False)

    def heal(self) -> None:
        """Up."""
        self._set(up=True)

    def accepted(self) -> int:
        """The service's."""
        return self._service.accepted()

    def is_back(self) -> bool:
        """Whether the cable carries for the other end: its kernel notices after a while (netdevice(7))."""
        flags: int = struct.unpack_from("16xh", fcntl.ioctl(self._outside, _SIOCGIFFLAGS, self._cable))[0]
        return bool(flags & _IFF_RUNNING)

    def _set(self, *, up: bool) -> None:
        body = struct.pack("=BxHiII", 0, 0, self._index, int(up), 1)
        self._netlink.send(struct.pack("=IHHII", 16 + len(body), 16, 0x5, 0, 0) + body)
        code: int = struct.unpack_from("=i", self._netlink.recv(4096), 16)[0]
        if code:
            raise OSError(-code, os.strerror(-code))


def make(kind: str, folder: Path, cable: str, namespace: Path) -> Service:
    """The service of this kind of cut; the arguments are this program's."""
    makers: dict[str, Callable[[], Service]] = {
        "drop": lambda: Nft("tcp dport %s drop", Sshd(folder)),
        "drop6": lambda: Nft("tcp dport %s drop", Listener()),
        "dark": lambda: Nft("meta protocol %s drop", Listener()),
        "rejected": lambda: Nft("tcp dport %s reject with tcp reset", Listener()),
        "unreachable": lambda: Nft("tcp dport %s reject with icmpx type host-unreachable", Listener()),
        "link": lambda: Link(Listener(), cable, namespace),
        "closed": Listener,
        "full": FullListener,
        "sshd": lambda: Sshd(folder),
        "frozen": lambda: Frozen(folder),
        "none": Uncut,
    }
    return makers[kind]()


def is_listening() -> bool:
    """Whether the kernel has a listening socket for the first port."""
    tables = Path("/proc/self/net/tcp").read_text() + Path("/proc/self/net/tcp6").read_text()
    return any(line.split()[1].endswith(f":{PORT:04X}") and line.split()[3] == "0A" for line in tables.splitlines()[1:])


def moment_of(change: Callable[[], None], has_effect: Callable[[], bool]) -> tuple[int, int]:
    """Between which moments it took effect: around the call, or around when the kernel was seen to agree."""
    before_ns = time.monotonic_ns()
    change()
    while True:
        asked_ns = time.monotonic_ns()
        if has_effect():
            return before_ns, time.monotonic_ns()
        before_ns = asked_ns
        # It runs before all others: they need the time to get there.
        time.sleep(0.0002)


def main() -> None:
    """Obey."""
    kind, folder, cable, namespace = sys.argv[1:]
    # It ends with its orders, and takes its sshd along.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    service = make(kind, Path(folder), cable, Path(namespace))
    while not is_listening():
        time.sleep(0.01)
    os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(2))
    print("ready", flush=True)
    for line in sys.stdin:
        cut = moment_of(service.cut, lambda: kind != "sshd" or not is_listening())
        time.sleep(max(0.0, float(line) / 1000 - (time.monotonic_ns() - cut[0]) / 1e9))
        back = service.is_back if isinstance(service, Link) else is_listening
        print(*cut, *moment_of(service.heal, back if kind in {"sshd", "link"} else lambda: True), flush=True)
    print(service.accepted(), flush=True)


if __name__ == "__main__":
    main()
