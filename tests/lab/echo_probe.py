"""A second opinion on downtime that shares no code, port or protocol with ferryman's: pings, and the gap in replies.

Run as a program beside the lab's hosts: `echo_probe.py ADDRESS`. It pings until its standard input is closed, then
prints the longest time between two replies, in ms.
"""

from __future__ import annotations

import os
import select
import socket
import struct
import sys
import time
from itertools import pairwise

STEP_MS = 5.0
_ECHO_REQUEST, _ECHO_REPLY = 8, 0
_IP_HEADER_BYTES = 20


def checksum(packet: bytes) -> int:
    """The internet checksum (RFC 1071) of an even number of bytes."""
    total: int = sum(struct.unpack(f"!{len(packet) // 2}H", packet))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def request(number: int) -> bytes:
    """An echo request of this process with this sequence number."""
    draft = struct.pack("!BBHHH", _ECHO_REQUEST, 0, 0, os.getpid() & 0xFFFF, number & 0xFFFF)
    return struct.pack("!BBHHH", _ECHO_REQUEST, 0, checksum(draft), os.getpid() & 0xFFFF, number & 0xFFFF)


def is_reply(packet: bytes) -> bool:
    """Whether the packet, with its IP header, answers a request of this process."""
    kind, _, _, identifier = struct.unpack_from("!BBHH", packet, _IP_HEADER_BYTES)
    return (kind, identifier) == (_ECHO_REPLY, os.getpid() & 0xFFFF)


def longest_gap_ms(address: str) -> float:
    """Ping every STEP_MS until standard input is closed; the longest time between two replies."""
    arrivals: list[float] = []
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as channel:
        due = time.monotonic()
        number = 0
        while True:
            ready, _, _ = select.select([channel, sys.stdin], [], [], max(0.0, due - time.monotonic()))
            if channel in ready and is_reply(channel.recv(256)):
                arrivals.append(time.monotonic())
            elif sys.stdin in ready:
                break
            if time.monotonic() >= due:
                number += 1
                due += STEP_MS / 1000
                channel.sendto(request(number), (address, 0))
    return max(later - earlier for earlier, later in pairwise(arrivals)) * 1000


if __name__ == "__main__":
    sys.stdout.write(f"{longest_gap_ms(sys.argv[1]):.1f}\n")
