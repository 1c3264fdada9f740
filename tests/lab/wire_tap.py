"""Listens on one cable of the lab for migration data: is a marker to be read in it?

Run as a program beside the hosts: `wire_tap.py INTERFACE MARKER`. It prints `ready`, listens until its standard input
is closed, then prints the bytes of the packets from or to the migration ports, and how often the marker was in them.
"""

from __future__ import annotations

import os
import select
import socket
import sys

PORTS = range(49152, 49216)
_EVERYTHING = 3
"""ETH_P_ALL."""
_IP_BEGINS = 14
_SO_RCVBUFFORCE = 33
_BUFFER_BYTES = 128 * 1024 * 1024
_LARGEST_PACKET = 1 << 17


def is_migration(packet: bytes) -> bool:
    """TCP over IPv4, from or to a migration port."""
    if packet[12:14] != b"\x08\x00" or packet[_IP_BEGINS + 9] != socket.IPPROTO_TCP:
        return False
    tcp = _IP_BEGINS + (packet[_IP_BEGINS] & 0xF) * 4
    ports = int.from_bytes(packet[tcp : tcp + 2]), int.from_bytes(packet[tcp + 2 : tcp + 4])
    return any(port in PORTS for port in ports)


def main(interface: str, marker: bytes) -> None:
    """Listen."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_EVERYTHING)) as tap:
        tap.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER_BYTES)
        tap.bind((interface, 0))
        print("ready", flush=True)  # noqa: T201 - read by the test
        seen_bytes = found = 0
        while True:
            ready, _, _ = select.select([tap, sys.stdin], [], [])
            if tap in ready:
                packet = tap.recv(_LARGEST_PACKET)
                if is_migration(packet):
                    seen_bytes += len(packet)
                    found += packet.count(marker)
            elif not os.read(sys.stdin.fileno(), 1):
                print(seen_bytes, found)  # noqa: T201 - read by the test
                return


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2].encode())
