"""A port that answers each SYN and, for as long as it is told, takes that back at once: a proxy without its service.

    resetter.py ADDRESS PORT        then lines on standard input: `reset`, `answer`

It is no kernel's socket: SYNs are seen on the wire and answered with packets of its own, so that the RST follows the
SYN-ACK before anybody on the same core can look at it. Whoever runs it drops the SYNs before the kernel refuses them.
"""

from __future__ import annotations

import os
import select
import socket
import struct
import sys

_SYN, _RST, _ACK = 0x02, 0x04, 0x10
_IP, _TCP = struct.Struct("!BBHHHBBH4s4s"), struct.Struct("!HHIIBBHHH")
_ETHERTYPE_IP = 0x0800


class Port:
    """What answers."""

    def __init__(self, address: str, port: int) -> None:
        """Listen on every card."""
        self.wire = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ETHERTYPE_IP))
        self.resets = False
        self._out = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
        self._address, self._port = socket.inet_aton(address), port

    def serve(self) -> None:
        """Answer one packet from the wire, if it is a SYN."""
        packet = self.wire.recv(2048)
        header = _IP.unpack_from(packet)
        source, target = header[8:]
        port, to, sequence, _, _, flags = _TCP.unpack_from(packet, (header[0] & 0xF) * 4)[:6]
        if header[6] != socket.IPPROTO_TCP or (target, to) != (self._address, self._port) or flags & 0x3F != _SYN:
            return
        answers = [(1000, _SYN | _ACK), (1001, _RST | _ACK)]
        for ours, kind in answers[: 1 + self.resets]:
            body = self._segment(source, port, ours, sequence + 1 & 0xFFFFFFFF, kind)
            self._out.sendto(body, (socket.inet_ntoa(source), 0))

    def _segment(self, peer: bytes, port: int, sequence: int, acknowledged: int, flags: int) -> bytes:
        fields = [self._port, port, sequence, acknowledged, 5 << 4, flags, 65535, 0, 0]
        pseudo = struct.pack("!4s4sBBH", self._address, peer, 0, socket.IPPROTO_TCP, _TCP.size)
        total = sum(struct.unpack("!16H", pseudo + _TCP.pack(*fields)))
        while total >> 16:
            total = (total & 0xFFFF) + (total >> 16)
        fields[7] = ~total & 0xFFFF
        return _TCP.pack(*fields)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Answer until standard input ends."""
    port = Port(sys.argv[1], int(sys.argv[2]))
    # Before the prober on the same core.
    os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(2))
    _say("ready")
    while True:
        ready, _, _ = select.select([sys.stdin, port.wire], [], [])
        if port.wire in ready:
            port.serve()
        if sys.stdin in ready:
            order = sys.stdin.readline()
            if not order:
                return
            port.resets = order == "reset\n"
            _say("done")


if __name__ == "__main__":
    main()
