"""A prober program that runs somewhere: its streams, whatever carries them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Protocol, Self

from ferryman.downtime import probe_process

PROBER = Path(probe_process.__file__)
_READ_BYTES = 1024 * probe_process.RECORD.size


class ProberProgram(Protocol):
    """`probe_process.py`, under way; used by one reader thread and, beside it, by those who give orders."""

    @property
    def pid(self) -> int:
        """Its process on its machine."""
        ...

    def order(self, line: str) -> None:
        """Hand it one order; raises OSError where it takes none any more."""
        ...

    def read(self) -> bytes:
        """What it reports next, as much as is there; empty: it ended, or can no longer be heard."""
        ...

    def finish(self) -> None:
        """Say that no more orders come: it ends once nothing is in flight."""
        ...

    def kill(self) -> None:
        """End it at once."""
        ...

    def last_words(self) -> str:
        """After `read` returned nothing: why it ended. Frees what it held."""
        ...


class LocalProgram:
    """On this machine, with this interpreter."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        """Use `launch`."""
        self._process = process
        self._orders, self._reports = _pipe(process.stdin), _pipe(process.stdout)

    @classmethod
    def launch(cls, program: Path = PROBER, *, wrapper: Sequence[str] = ()) -> Self:
        """Start it, by a command that runs another one if given; its first probe leaves some 50 ms later.

        Raises OSError where no process can be started.
        """
        # Isolated and without site: nothing of the environment slows its start or changes its imports.
        command = [*wrapper, sys.executable, "-I", "-S", str(program)]
        pipe = subprocess.PIPE
        # A session of its own: Linux shares a busy machine fairly among sessions (sched(7), autogroup), so that one
        # without privileges gets its turn beside any number of busy programs of others.
        process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, bufsize=0, start_new_session=True)
        return cls(process)

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def order(self, line: str) -> None:
        """See ProberProgram."""
        try:
            self._orders.write(f"{line}\n".encode())
        except ValueError as error:
            raise BrokenPipeError("it takes no more orders") from error

    def read(self) -> bytes:
        """See ProberProgram."""
        return self._reports.read(_READ_BYTES)

    def finish(self) -> None:
        """See ProberProgram."""
        self._orders.close()

    def kill(self) -> None:
        """See ProberProgram."""
        self._process.kill()

    def last_words(self) -> str:
        """See ProberProgram."""
        complaints = _pipe(self._process.stderr)
        complaint = complaints.read().decode(errors="replace").strip()
        for stream in (self._orders, self._reports, complaints):
            stream.close()
        code = self._process.wait()
        return complaint.rpartition("\n")[2] or f"exit code {code}"


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise AssertionError("the process was started with all three pipes")
    return pipe
