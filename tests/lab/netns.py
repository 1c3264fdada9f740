"""Network namespaces of a test's own, and cables between them. Needs root."""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

_CLONE_NEWNET = 0x40000000


class Namespace:
    """A network namespace, held by a process that ends with the test."""

    def __init__(self) -> None:
        """Make it; loopback is up in it."""
        self._holder = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", "echo ready; exec cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert pipe(self._holder.stdout).readline() == b"ready\n"
        self.pid = self._holder.pid
        self.run("ip", "link", "set", "lo", "up")

    @property
    def path(self) -> Path:
        """What setns() takes."""
        return Path(f"/proc/{self.pid}/ns/net")

    def command(self, *command: str) -> list[str]:
        """The command that runs `command` inside."""
        return ["nsenter", "--target", str(self.pid), "--net", *command]

    def run(self, *command: str) -> None:
        """Run it inside; it must succeed."""
        subprocess.run(self.command(*command), check=True)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """The calling thread, and the processes, threads and sockets that it makes, are inside."""
        with Path("/proc/thread-self/ns/net").open() as home, self.path.open() as inside:
            set_namespace(inside)
            try:
                yield
            finally:
                set_namespace(home)

    def close(self) -> None:
        """End it, once nothing else is inside."""
        self._holder.communicate()


def pipe(stream: IO[bytes] | None) -> IO[bytes]:
    """A process's stream that is known to be a pipe."""
    assert stream is not None
    return stream


def set_namespace(handle: IO[str]) -> None:
    """Move the calling thread there; raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(handle.fileno(), _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
