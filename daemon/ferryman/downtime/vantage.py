"""Where probes leave from: this machine, or a host of the fleet that reaches what this machine does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ferryman.downtime.banner import SSH_PORT, check_service, no_ssh, ssh_identification
from ferryman.downtime.far_prober import FarProber
from ferryman.downtime.host_probe import HostProbe
from ferryman.downtime.prober import Probe
from ferryman.downtime.shared_prober import SharedProber
from ferryman.downtime.values import ProbeTarget, ServiceCheck
from ferryman.fleet.errors import FleetError
from ferryman.fleet.ssh.far_python import FarProgram, SshFarProgram
from ferryman.specs.host_spec import HostSpec

_FAR_BASELINE_S = 5.0
"""The SSH session, its Python and the first probes took 0.6 s in the lab."""
_CHECK = """
import socket, time
with socket.create_connection(({address!r}, {port}), 3) as connection:
    received, give_up_at = b"", time.time() + 3
    while {speaks} and b"SSH-" not in received.rpartition(b"\\n")[0] and len(received) < 4096:
        connection.settimeout(max(0.001, give_up_at - time.time()))
        chunk = connection.recv(512)
        if not chunk:
            break
        received += chunk
import os
os.write(1, received)
"""


class Vantage(Protocol):
    """A place to probe from, for one target."""

    @property
    def host(self) -> str:
        """The host of the fleet; empty: this machine."""
        ...

    @property
    def baseline_s(self) -> float:
        """How long the first answers may take."""
        ...

    @property
    def trouble(self) -> str:
        """Why it cannot be heard now, and the remedy; empty where it can."""
        ...

    @property
    def clock_error_ms(self) -> float | None:
        """How far its times may be off from this machine's; None: not known."""
        ...

    def probe(self, target: ProbeTarget) -> Probe:
        """Begin to probe. Raises ProbeError, OSError."""
        ...

    def ping(self, target: ProbeTarget) -> HostProbe:
        """Begin to ping the target's address beside."""
        ...

    def check(self, address: str, port: int) -> ServiceCheck:
        """Connect once, as `banner.check_service` does."""
        ...


def vantage_of(host: HostSpec | None) -> Vantage:
    """On a host of the fleet, or on this machine."""
    return Here() if host is None else There(host.name, lambda: SshFarProgram.open(host))


class Here:
    """The daemon's own machine."""

    host = ""
    baseline_s = 0.4
    trouble = ""
    clock_error_ms: float | None = 0.0

    def probe(self, target: ProbeTarget) -> Probe:
        """Begin to probe."""
        return Probe.start(target)

    def ping(self, target: ProbeTarget) -> HostProbe:
        """Begin to ping."""
        return HostProbe.start(target)

    def check(self, address: str, port: int) -> ServiceCheck:
        """Connect once."""
        return check_service(address, port)


class There:
    """A host, by its own Python over SSH."""

    baseline_s = _FAR_BASELINE_S

    def __init__(self, host: str, connect: Callable[[], FarProgram]) -> None:
        """`connect` opens a way there; raises HostUnreachableError."""
        self.host = host
        self._connect = connect
        self._prober = FarProber(connect)

    @property
    def trouble(self) -> str:
        """Why it cannot be heard now, and the remedy."""
        return self._prober.trouble

    @property
    def clock_error_ms(self) -> float | None:
        """How far its times may be off."""
        return self._prober.clock_error_ms

    def probe(self, target: ProbeTarget) -> Probe:
        """Begin to probe; it connects meanwhile."""
        return Probe.start(target, SharedProber(self._prober.launch))

    def ping(self, target: ProbeTarget) -> HostProbe:
        """Nothing: a prober that is sent to a host speaks TCP only."""
        return HostProbe(
            None, f"{target.address} is not pinged from {self.host}: pings leave from ferryman's own machine"
        )

    def check(self, address: str, port: int) -> ServiceCheck:
        """Connect once, from there."""
        try:
            received = self._run(_CHECK.format(address=address, port=port, speaks=port == SSH_PORT))
        except FleetError as error:
            return ServiceCheck(working=False, reason=f"{address} port {port}: {error.reason}: {error.remedy}")
        line = ssh_identification(received)
        if port == SSH_PORT and line is None:
            return no_ssh()
        return ServiceCheck(working=True, banner=line or "")

    def _run(self, source: str) -> bytes:
        program = self._connect()
        try:
            program.become(source.encode())
            received = b""
            while chunk := program.read():
                received += chunk
        finally:
            program.close()
        return received
