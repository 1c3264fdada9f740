"""A service on the loopback interface that can be taken away for a known time."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

_NOTHING = threading.Event()


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueOutage:
    """How long the service was gone, as exactly as the commands that took it away can tell, in ms."""

    at_least_ms: float
    at_most_ms: float


class Service:
    """A listening socket."""

    def __init__(self, address: str = "127.0.0.1", *, backlog: int = 128) -> None:
        self._family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.address = address
        self._backlog = backlog
        self.listener = self._listen(0)
        self.port: int = self.listener.getsockname()[1]

    def refuse(self, for_ms: float) -> TrueOutage:
        """Close the listener for so long: probes are refused."""
        closing = time.monotonic()
        self.listener.close()
        closed = time.monotonic()
        _NOTHING.wait(for_ms / 1000)
        opening = time.monotonic()
        self.listener = self._listen(self.port)
        return _true_outage(closing, closed, opening, time.monotonic())

    def drop(self, for_ms: float) -> TrueOutage:
        """Fill the queue of established connections for so long: the kernel drops further SYNs."""
        filling = time.monotonic()
        with socket.create_connection((self.address, self.port)):
            filled = time.monotonic()
            _NOTHING.wait(for_ms / 1000)
            emptying = time.monotonic()
            self.listener.accept()[0].close()
            return _true_outage(filling, filled, emptying, time.monotonic())

    def accepted(self) -> int:
        """How many connections accept() returns now."""
        self.listener.setblocking(False)
        count = 0
        while True:
            try:
                self.listener.accept()[0].close()
            except BlockingIOError:
                return count
            count += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.listener.close()

    def _listen(self, port: int) -> socket.socket:
        return socket.create_server((self.address, port), family=self._family, backlog=self._backlog)


@contextmanager
def unused_port() -> Iterator[int]:
    """A port of the loopback interface that is bound, so nobody else's, and refuses."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


def _true_outage(begin_from: float, begin_by: float, end_from: float, end_by: float) -> TrueOutage:
    return TrueOutage(at_least_ms=(end_from - begin_by) * 1000, at_most_ms=(end_by - begin_from) * 1000)
