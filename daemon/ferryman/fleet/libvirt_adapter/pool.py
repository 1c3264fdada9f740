"""Open connections to one host, each for one thread at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable

import libvirt

from ferryman.fleet.libvirt_adapter.door import let_go


class ConnectionPool:
    """Those that nobody uses now. Safe from several threads; never waits.

    A connection is not shared, because libvirt's client has one of the calling threads do all of their input and
    output. Seen with 9.0: others' calls went unsent for seconds; and when keepalive gave up on a libvirtd that was
    stopped, only that one thread's call ended: the others hung until libvirtd went on, and then crashed the program.
    """

    def __init__(self, close: Callable[[libvirt.virConnect], None] = let_go) -> None:
        """`close` must not block."""
        self._close = close
        self._lock = threading.Lock()
        self._idle: list[libvirt.virConnect] = []
        self._generation = 0

    @property
    def generation(self) -> int:
        """Counts how often all were let go: what was taken before that does not come back."""
        return self._generation

    def add(self, connection: libvirt.virConnect) -> None:
        """One more that nobody uses."""
        with self._lock:
            self._idle.append(connection)

    def take(self) -> libvirt.virConnect | None:
        """One for this caller alone; None where all are in use. Dead ones are let go."""
        with self._lock:
            while self._idle:
                connection = self._idle.pop()
                if connection.isAlive():
                    return connection
                self._close(connection)
        return None

    def give_back(self, connection: libvirt.virConnect, generation: int) -> None:
        """The caller has done with it; `generation`: of the time when it was taken or opened."""
        with self._lock:
            if generation == self._generation and connection.isAlive():
                self._idle.append(connection)
            else:
                self._close(connection)

    def clear(self) -> None:
        """Let go of all: now of those that nobody uses, of the others when they are given back."""
        with self._lock:
            self._generation += 1
            idle, self._idle = self._idle, []
        for connection in idle:
            self._close(connection)
