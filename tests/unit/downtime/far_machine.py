"""Another machine, played by this one: a Python with a clock of its own, and a way to it that can break."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import IO

from ferryman.fleet.errors import FailureKind, HostUnreachableError, OperationFailedError
from ferryman.fleet.ssh.far_python import FIRST_STEPS, ClockReading

AHEAD_NS = 7_000_000_000_000
_CLOCK = f"import time\n_own = time.monotonic_ns\ntime.monotonic_ns = lambda: _own() + {AHEAD_NS}\n"


class LocalFarProgram:
    """`FarProgram` in a process of this machine."""

    def __init__(self, machine: FarMachine) -> None:
        """Use `FarMachine.connect`."""
        self._machine = machine
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _CLOCK + FIRST_STEPS],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
        )
        self.cut = False

    def clock(self) -> ClockReading:
        asked_ns = time.monotonic_ns()
        self.write(b"?")
        far_ns = int(pipe(self._process.stdout).read(20))
        return ClockReading(asked_ns=asked_ns, far_ns=far_ns, told_ns=time.monotonic_ns())

    def become(self, source: bytes) -> None:
        self.write(b"!%012d" % len(source) + source)

    def write(self, given: bytes) -> None:
        if self.cut:
            raise self._machine.unreachable()
        pipe(self._process.stdin).write(given)

    def read(self) -> bytes:
        data = pipe(self._process.stdout).read(4096)
        if self.cut:
            raise self._machine.unreachable()
        if not data and self._process.wait() > 0:
            raise OperationFailedError(FailureKind.OTHER, "oslo: its python3 failed", "Try it there.")
        return data

    def end_input(self) -> None:
        pipe(self._process.stdin).close()

    def close(self) -> None:
        self._process.kill()
        self._process.wait()

    def forget(self) -> None:
        """Nobody reads it any more."""
        self.close()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            pipe(stream).close()


class FarMachine:
    """What programs run on; `connect` is what a prober is given."""

    def __init__(self) -> None:
        self.programs: list[LocalFarProgram] = []
        self.refusals = 0
        """So many of the next connections fail."""

    def connect(self) -> LocalFarProgram:
        if self.refusals:
            self.refusals -= 1
            raise self.unreachable()
        self.programs.append(LocalFarProgram(self))
        return self.programs[-1]

    def cut(self) -> None:
        """Whatever is open breaks."""
        for program in self.programs:
            program.cut = True

    def unreachable(self) -> HostUnreachableError:
        return HostUnreachableError("oslo: no SSH connection", "Check that the host is up.")

    def close(self) -> None:
        for program in self.programs:
            program.forget()


def pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    return pipe
