"""One full connection, after the measured time: does a working service stand behind the answering kernel?

A SYN-ACK proves a kernel and a listening socket. This makes exactly one connection that the service sees;
never call it while downtime is being measured.
"""

from __future__ import annotations

import socket
import time

from ferryman.downtime.values import ServiceCheck

SSH_PORT = 22
_LONGEST_BANNER_BYTES = 4096
"""RFC 4253 lets a server send other lines before its SSH- line; none sends this much."""


def check_service(address: str, port: int, *, timeout_s: float = 3.0) -> ServiceCheck:
    """Connect once; on port 22 also read the SSH identification (RFC 4253, 4.2). Raises nothing."""
    give_up_at = time.monotonic() + timeout_s
    try:
        with socket.create_connection((address, port), timeout_s) as connection:
            if port != SSH_PORT:
                return ServiceCheck(working=True)
            return read_ssh_banner(connection, give_up_at)
    except OSError as error:
        remedy = f"see in the guest whether the service on port {port} runs"
        return ServiceCheck(working=False, reason=f"{address} port {port}: {error}: {remedy}")


def read_ssh_banner(connection: socket.socket, give_up_at: float) -> ServiceCheck:
    """Read until the identification is there; `give_up_at` is of the monotonic clock. Raises OSError."""
    received = b""
    while (line := ssh_identification(received)) is None and len(received) < _LONGEST_BANNER_BYTES:
        connection.settimeout(max(0.001, give_up_at - time.monotonic()))
        chunk = connection.recv(512)
        if not chunk:
            break
        received += chunk
    return no_ssh() if line is None else ServiceCheck(working=True, banner=line)


def no_ssh() -> ServiceCheck:
    """Something accepts connections, and it is no SSH server at work."""
    return ServiceCheck(
        working=False, reason="port 22 accepts connections but says no SSH-: look at sshd's log in the guest"
    )


def ssh_identification(received: bytes) -> str | None:
    """The complete line that starts with SSH-, or None while there is none."""
    for line in received.split(b"\n")[:-1]:
        if line.startswith(b"SSH-"):
            return line.rstrip(b"\r").decode("ascii", errors="replace")
    return None
