"""Run on a host: which ports of other hosts do not answer from there. Arguments: first port, last port, addresses.

Prints `closed-ports INDEX PORT…` for each address. A port answers if a program listens there, or if the host itself
refuses the connection; it does not if nothing comes back within 2 s, or an ICMP message does: that is a firewall's.
A firewall that answers with a TCP reset cannot be told from a free port.
No connection is ever completed, so that a QEMU which waits there for its migration never sees one: the last ACK of
the handshake is held back (TCP_QUICKACK off), and the close resets the connection.
"""

from __future__ import annotations

import errno
import select
import socket
import struct
import sys
import time
from typing import Any

WITHIN_S = 2.0
RECVERR = {socket.AF_INET: (socket.IPPROTO_IP, 11), socket.AF_INET6: (socket.IPPROTO_IPV6, 25)}


def begin(family: socket.AddressFamily, where: tuple[Any, ...], port: int) -> tuple[socket.socket, int]:
    one = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    one.setsockopt(*RECVERR[family], 1)
    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return one, one.connect_ex((where[0], port, *where[2:]))


def answers(one: socket.socket, error: int) -> bool:
    try:
        one.recvmsg(1, 512, socket.MSG_ERRQUEUE)
    except OSError:
        return error in (0, errno.ECONNREFUSED)
    return False


def closed(address: str, first: int, last: int) -> list[int]:
    family, _, _, _, where = socket.getaddrinfo(address, first, type=socket.SOCK_STREAM)[0]
    waiting: dict[int, tuple[int, socket.socket]] = {}
    silent: list[int] = []
    poll = select.poll()
    for port in range(first, last + 1):
        one, error = begin(family, where, port)
        if error == errno.EINPROGRESS:
            waiting[one.fileno()] = port, one
            poll.register(one, select.POLLOUT)
            continue
        if not answers(one, error):
            silent.append(port)
        one.close()
    until = time.monotonic() + WITHIN_S
    while waiting and (left := until - time.monotonic()) > 0:
        for number, _ in poll.poll(left * 1000):
            port, one = waiting.pop(number)
            poll.unregister(number)
            if not answers(one, one.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)):
                silent.append(port)
            one.close()
    return sorted(silent + [port for port, _ in waiting.values()])


def main(first: str, last: str, *addresses: str) -> None:
    for index, address in enumerate(addresses):
        try:
            found = closed(address, int(first), int(last))
        except OSError:
            continue
        sys.stdout.write(" ".join(["closed-ports", str(index), *map(str, found)]) + "\n")


main(*sys.argv[1:])
