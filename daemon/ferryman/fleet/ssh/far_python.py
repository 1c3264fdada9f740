"""A Python program on a host, over SSH: sent over its standard input, so that nothing is written there."""

from __future__ import annotations

import time
from dataclasses import dataclass
from importlib import resources
from typing import Protocol

from ferryman.fleet.errors import FailureKind, HostUnreachableError, OperationFailedError
from ferryman.fleet.ssh.remote import RemoteProgram
from ferryman.fleet.ssh.session import SshSession, target_of
from ferryman.specs.host_spec import HostSpec

_SILENT_S = 5.0
"""A program that says nothing for so long is taken for lost; the prober says something at least every two seconds."""
_CLOCK_BYTES = 20
_NO_SUCH_COMMAND = frozenset({126, 127})
"""What a shell says of a command that is not there, or that cannot be run."""
FIRST_STEPS = (resources.files("ferryman.fleet") / "scripts" / "far_python.py").read_text()
"""What the host's Python is started with; the rest follows on its input."""
COMMAND = ("python3", "-I", "-S", "-c", FIRST_STEPS)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockReading:
    """A host's monotonic clock, read at some moment between two of ours; ns."""

    asked_ns: int
    far_ns: int
    told_ns: int


class FarProgram(Protocol):
    """A program on another machine, about to be sent there or running.

    Every call but `close` may raise HostUnreachableError: the way there broke.
    """

    def clock(self) -> ClockReading:
        """Read its machine's clock; only before `become`."""
        ...

    def become(self, source: bytes) -> None:
        """Run this program from now on."""
        ...

    def write(self, given: bytes) -> None:
        """Give it this on its standard input."""
        ...

    def read(self) -> bytes:
        """What it prints next, as much as is there; empty: it ended well. Raises OperationFailedError where not."""
        ...

    def end_input(self) -> None:
        """It is given no more."""
        ...

    def close(self) -> None:
        """Let go of it; it ends."""
        ...


class SshFarProgram:
    """`FarProgram` over an SSH session of its own."""

    def __init__(self, session: SshSession, program: RemoteProgram, host: str) -> None:
        """Use `open`."""
        self._session = session
        self._program = program
        self._host = host

    @classmethod
    def open(cls, spec: HostSpec) -> SshFarProgram:
        """Start the host's Python. Raises HostUnreachableError; whether there is one shows at the first reading."""
        session = SshSession.open(target_of(spec))
        try:
            return cls(session, session.start(COMMAND, silent_s=_SILENT_S), spec.name)
        except HostUnreachableError:
            session.close()
            raise

    def clock(self) -> ClockReading:
        """Read its machine's clock."""
        asked_ns = time.monotonic_ns()
        self._program.write(b"?")
        told = b""
        while len(told) < _CLOCK_BYTES:
            more = self.read()
            if not more:
                raise self._failed("it ended without a word")
            told += more
        return ClockReading(asked_ns=asked_ns, far_ns=int(told), told_ns=time.monotonic_ns())

    def become(self, source: bytes) -> None:
        """Run this program from now on."""
        self._program.write(b"!%012d" % len(source) + source)

    def write(self, given: bytes) -> None:
        """Give it this."""
        self._program.write(given)

    def read(self) -> bytes:
        """What it prints next."""
        data = self._program.read()
        if data:
            return data
        status = self._program.finish()
        if status in _NO_SUCH_COMMAND:
            raise OperationFailedError(
                FailureKind.NOT_FOUND,
                f"{self._host} has no python3 that runs",
                f"apt-get install --no-install-recommends python3 (on {self._host}), or name another host",
            )
        if status:
            raise self._failed(self._program.complaint().rpartition("\n")[2] or f"exit code {status}")
        return b""

    def end_input(self) -> None:
        """It is given no more."""
        self._program.end_input()

    def close(self) -> None:
        """Let go of it; it ends."""
        self._session.close()

    def _failed(self, why: str) -> OperationFailedError:
        return OperationFailedError(
            FailureKind.OTHER,
            f"{self._host}: its python3 failed: {why}",
            f"Try it on {self._host}: python3 -I -S -c ''",
        )
