"""A connection that several threads use, and that is closed by the last of them."""

from __future__ import annotations

import threading
from collections.abc import Callable

import libvirt

from ferryman.fleet.libvirt_door import let_go


class Line:
    """An open connection. Retired, it is closed once nobody uses it any more.

    Closed under a call that is under way, it could be freed before the call returns.
    """

    def __init__(self, connection: libvirt.virConnect, close: Callable[[libvirt.virConnect], None] = let_go) -> None:
        self.connection = connection
        self._close = close
        self._lock = threading.Lock()
        self._users = 0
        self._retired = False

    def acquire(self) -> libvirt.virConnect:
        """Use it, until `release`."""
        with self._lock:
            self._users += 1
        return self.connection

    def release(self) -> None:
        """One user has done."""
        with self._lock:
            self._users -= 1
            unused = self._retired and not self._users
        if unused:
            self._close(self.connection)

    def retire(self) -> None:
        """Nobody begins to use it from now on."""
        with self._lock:
            unused, self._retired = not self._users and not self._retired, True
        if unused:
            self._close(self.connection)
