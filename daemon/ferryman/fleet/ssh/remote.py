"""A program that runs on a host for a while, over SSH: its output as it comes, its end by closing its input."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from types import TracebackType
from typing import Self

import paramiko

from ferryman.fleet.errors import HostUnreachableError

_CHUNK_BYTES = 4096
SILENT_S = 300.0
"""A program that prints nothing for so long is given up: its host may be gone."""


class RemoteProgram:
    """Started by `SshSession.start`; ends with its block at the latest."""

    def __init__(self, channel: paramiko.Channel, host: str, silent_s: float = SILENT_S) -> None:
        channel.settimeout(silent_s)
        self._channel = channel
        self._host = host

    def lines(self) -> Iterator[str]:
        """What it prints, line by line; a carriage return ends a line too. Raises HostUnreachableError."""
        rest = ""
        while chunk := self.read():
            *whole, rest = (rest + chunk.decode(errors="replace")).replace("\r", "\n").split("\n")
            yield from whole
        if rest:
            yield rest

    def read(self) -> bytes:
        """What it prints next, as much as is there; empty: it has closed its output. Raises HostUnreachableError."""
        try:
            return self._channel.recv(_CHUNK_BYTES)
        except OSError as error:
            raise self._broken(error) from error

    def write(self, given: bytes) -> None:
        """Give it this. Raises HostUnreachableError."""
        try:
            self._channel.sendall(given)
        except OSError as error:
            raise self._broken(error) from error

    def send(self, given: bytes) -> None:
        """All that it is given, and its input's end. Raises HostUnreachableError."""
        self.write(given)
        self.end_input()

    def end_input(self) -> None:
        """It is given no more. Raises HostUnreachableError, also where it has ended already."""
        try:
            self._channel.shutdown_write()
        except OSError as error:
            raise self._broken(error) from error

    def finish(self) -> int:
        """Close its input and wait for its end; its exit status. Raises HostUnreachableError."""
        with contextlib.suppress(HostUnreachableError):  # it has ended already
            self.end_input()
        for _line in self.lines():
            pass
        status = self._channel.recv_exit_status()
        if status < 0:
            raise self._broken(EOFError("it ended"))
        return status

    def complaint(self) -> str:
        """What it wrote to its standard error; whole once it has ended."""
        return self._channel.makefile_stderr("rb").read().decode(errors="replace").strip()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Whatever it still does ends: its input and output are gone."""
        self._channel.close()

    def _broken(self, error: Exception) -> HostUnreachableError:
        return HostUnreachableError(
            f"{self._host}: the SSH session broke: {error or type(error).__name__}",
            "Nothing to do if the host comes back; ferryman tries again.",
        )
