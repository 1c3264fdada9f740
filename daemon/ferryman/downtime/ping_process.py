"""The second prober: ICMP echo on fixed schedules. It tells whether the host and the network answer, not the service.

A program like `probe_process`, which describes the orders that it obeys and the records that it writes; the port of an
order is of no meaning here. It imports only the standard library (Python 3.9).

It needs no privilege where net.ipv4.ping_group_range holds its group, and CAP_NET_RAW elsewhere; without either it ends
at once with a line on standard error that says so.
"""

import errno
import heapq
import os
import select
import signal
import socket
import struct
import sys
import time

ANSWERED, LOST, NOT_SENT, MISSED, STOPPED, FAILED = 0, 2, 5, 6, 7, 8
"""Of probe_process."""
RECORD = struct.Struct("=HqBq")

_ECHO = struct.Struct("!BBHHH")
"""Type, code, checksum, identifier, sequence number: RFC 792 and RFC 4443."""
_REQUEST = {socket.AF_INET: 8, socket.AF_INET6: 128}
_REPLY = {socket.AF_INET: 0, socket.AF_INET6: 129}
_SWEEP_NS = 20_000_000
SO_TIMESTAMPNS = 35
"""Of asm-generic/socket.h; the socket module has no name for it."""
_TIMESPEC = struct.Struct("@ll")
_LONGEST_WAIT_NS = 2_000_000_000
"""A reply that waited here for longer was given up: see ProbeTarget.deadline_ms."""
_NOT_PERMITTED = (
    "ICMP is not permitted here: allow it (sysctl -w net.ipv4.ping_group_range='0 2147483647'), "
    "or set [probe] icmp = false"
)


class Target:
    """One address, its schedule, and its requests in flight."""

    def __init__(self, number: int, address: str, interval_ns: int, deadline_ns: int) -> None:
        self.number = number
        self.family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.destination = socket.getaddrinfo(address, 0, self.family, socket.SOCK_DGRAM, 0, socket.AI_NUMERICHOST)[0][
            4
        ]
        self.channel, self.raw = _open(self.family)
        self.channel.setblocking(False)
        # When a reply came, however late this process looks.
        self.channel.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.connected = False
        self.interval_ns = interval_ns
        self.deadline_ns = deadline_ns
        self.sending = True
        self.sequence = 0
        # In the order of sending: the oldest first.
        self.in_flight: dict[int, int] = {}

    def connect(self) -> None:
        """So that only what comes from there is received. Raises OSError where there is no way to it at this moment."""
        if not self.connected:
            self.channel.connect(self.destination)
            self.connected = True

    def request(self) -> bytes:
        """The next one; the kernel fills in the identifier of a socket that is not raw, and IPv6's checksum."""
        self.sequence = (self.sequence + 1) % 65536
        draft = _ECHO.pack(_REQUEST[self.family], 0, 0, self.identifier, self.sequence)
        return _ECHO.pack(_REQUEST[self.family], 0, _checksum(draft), self.identifier, self.sequence)

    @property
    def identifier(self) -> int:
        """Tells this target's replies from others' on a raw socket."""
        return (os.getpid() + self.number) & 0xFFFF

    def reply_to(self, packet: bytes) -> "int | None":
        """When the request was sent that this packet answers, in ns; None: it answers none that is open."""
        if self.raw and self.family == socket.AF_INET:
            packet = packet[(packet[0] & 0xF) * 4 :]
        if len(packet) < _ECHO.size:
            return None
        kind, _, _, identifier, sequence = _ECHO.unpack_from(packet)
        ours = kind == _REPLY[self.family] and (not self.raw or identifier == self.identifier)
        return self.in_flight.pop(sequence, None) if ours else None


class Pinger:
    """All targets."""

    def __init__(self) -> None:
        self._targets: dict[int, Target] = {}
        self._channels: dict[int, Target] = {}
        self._schedule: list[tuple[int, int]] = []
        self._events = select.epoll()
        self._orders = b""
        self._obeying = True
        self._records = bytearray()

    def run(self, orders_fd: int, output_fd: int) -> None:
        """Ping until `orders_fd` ends, then wait for what is in flight. Raises BrokenPipeError, PermissionError."""
        self._events.register(orders_fd, select.EPOLLIN)
        while self._obeying or self._targets:
            # Each target once: where there is more to send than there is time, answers are taken all the same.
            now_ns = time.monotonic_ns()
            while self._schedule and self._schedule[0][0] <= now_ns:
                self._serve(*heapq.heappop(self._schedule))
            for fd, _ in self._events.poll(0):
                if fd == orders_fd:
                    self._read_orders(orders_fd)
                else:
                    self._receive(self._channels[fd])
            while self._records:
                del self._records[: os.write(output_fd, self._records)]
            # Not epoll's own wait: it counts in whole milliseconds.
            select.select([self._events.fileno()], [], [], self._wait_s())

    def _read_orders(self, orders_fd: int) -> None:
        received = os.read(orders_fd, 65536)
        *orders, self._orders = (self._orders + received).split(b"\n")
        for order in orders:
            verb, number, *rest = order.decode().split()
            if verb == "start":
                self._start(int(number), rest[0], int(rest[2]), int(rest[3]))
            elif int(number) in self._targets:
                self._targets[int(number)].sending = False
        if not received:
            self._obeying = False
            self._events.unregister(orders_fd)
            for target in self._targets.values():
                target.sending = False

    def _start(self, number: int, address: str, interval_ns: int, deadline_ns: int) -> None:
        try:
            target = Target(number, address, interval_ns, deadline_ns)
        except PermissionError:
            raise
        except OSError:
            # Say, an interface that is no more: the others are pinged all the same.
            self._records += RECORD.pack(number, time.monotonic_ns(), FAILED, errno.EADDRNOTAVAIL)
            return
        self._targets[number] = target
        self._channels[target.channel.fileno()] = target
        self._events.register(target.channel.fileno(), select.EPOLLIN)
        heapq.heappush(self._schedule, (time.monotonic_ns(), number))

    def _wait_s(self) -> float:
        if not self._schedule:
            return 3600 if self._obeying else 0
        return max(0, self._schedule[0][0] - time.monotonic_ns()) / 1e9

    def _serve(self, slot_ns: int, number: int) -> None:
        """A target's turn: give up what is past its deadline, send the next."""
        target = self._targets[number]
        self._receive(target)
        limit_ns = time.monotonic_ns() - target.deadline_ns
        for sequence in [sequence for sequence, sent_ns in target.in_flight.items() if sent_ns <= limit_ns]:
            self._record(target, target.in_flight.pop(sequence), LOST, -1)
        if target.sending:
            self._send(target)
            missed = max(0, time.monotonic_ns() - slot_ns) // target.interval_ns
            if missed:
                self._record(target, slot_ns, MISSED, missed)
            heapq.heappush(self._schedule, (slot_ns + (missed + 1) * target.interval_ns, number))
        elif target.in_flight:
            heapq.heappush(self._schedule, (time.monotonic_ns() + _SWEEP_NS, number))
        else:
            del self._channels[target.channel.fileno()], self._targets[number]
            target.channel.close()
            self._record(target, time.monotonic_ns(), STOPPED, 0)

    def _send(self, target: Target) -> None:
        request = target.request()
        sent_ns = time.monotonic_ns()
        try:
            target.connect()
            target.channel.send(request)
        except OSError as error:
            if error.errno in (errno.ENOBUFS, errno.EAGAIN):
                self._record(target, sent_ns, NOT_SENT, error.errno)
            else:
                # An earlier request's ICMP error, or no route at this moment: not answered.
                self._record(target, sent_ns, LOST, -1)
            return
        target.in_flight[target.sequence] = sent_ns

    def _receive(self, target: Target) -> None:
        while True:
            try:
                packet, words, _, _ = target.channel.recvmsg(2048, socket.CMSG_SPACE(_TIMESPEC.size))
            except BlockingIOError:
                return
            except OSError:
                # An ICMP error: the request that it is about is given up at its deadline.
                continue
            sent_ns = target.reply_to(packet)
            if sent_ns is not None:
                self._record(target, sent_ns, ANSWERED, max(0, came_ns(words) - sent_ns))

    def _record(self, target: Target, sent_ns: int, fate: int, detail: int) -> None:
        self._records += RECORD.pack(target.number, sent_ns, fate, detail)


def _open(family: int) -> "tuple[socket.socket, bool]":
    """An ICMP socket, and whether it is raw. Raises PermissionError where neither kind is allowed."""
    protocol = socket.IPPROTO_ICMP if family == socket.AF_INET else socket.IPPROTO_ICMPV6
    try:
        return socket.socket(family, socket.SOCK_DGRAM, protocol), False
    except PermissionError:
        return socket.socket(family, socket.SOCK_RAW, protocol), True


def came_ns(words: "list[tuple[int, int, bytes]]") -> int:
    """When a packet came, by CLOCK_MONOTONIC: the kernel noted it by the wall clock."""
    now_ns = time.monotonic_ns()
    for level, kind, data in words:
        if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS) and len(data) >= _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack_from(data)
            # A wall clock that was set meanwhile says nothing.
            waited_ns = time.time_ns() - (seconds * 1_000_000_000 + nanoseconds)
            return now_ns - waited_ns if 0 <= waited_ns <= _LONGEST_WAIT_NS else now_ns
    return now_ns


def _be_on_time() -> None:
    """As probe_process: where it is not allowed, do without."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except PermissionError:
        return


def _checksum(packet: bytes) -> int:
    """The internet checksum (RFC 1071) of an even number of bytes."""
    total = sum(number for (number,) in struct.iter_unpack("!H", packet))
    total = (total >> 16) + (total & 0xFFFF)
    return int(~(total + (total >> 16)) & 0xFFFF)


def main() -> int:
    """Run it; see this module's docstring."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _be_on_time()
    try:
        Pinger().run(sys.stdin.fileno(), sys.stdout.fileno())
    except BrokenPipeError:
        return 1
    except PermissionError:
        sys.stderr.write(_NOT_PERMITTED + "\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
