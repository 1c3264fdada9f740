"""What the daemon tells the service manager that started it: systemd's notification protocol, without a library.

The protocol is one datagram of `NAME=VALUE` lines to the socket in `NOTIFY_SOCKET` (sd_notify(3)). Started by hand
there is no such socket, and every message goes nowhere.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

_SEND_TIMEOUT_S = 1.0
"""The manager's queue may be full. A lost message costs less than a daemon that stands still."""
_STATUS_MOST = 500
"""Characters; at four bytes each this stays below the 4,096 bytes of which the manager reads a message."""
_US_PER_S = 1_000_000


class ServiceManager:
    """Whoever started this process. Safe to use from any thread; nothing here raises."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Read NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID; sends nothing yet."""
        self._address = _address(environment.get("NOTIFY_SOCKET", ""))
        self._watchdog_interval_s = _watchdog_interval_s(environment)

    @property
    def watchdog_interval_s(self) -> float | None:
        """How often to call `alive`: half of what the manager allows. None: nobody watches."""
        return self._watchdog_interval_s

    def ready(self, status: str) -> None:
        """Say that the start is over; what waits for this service goes on."""
        self._send("READY=1", _status_line(status))

    def status(self, text: str) -> None:
        """Show a line of text in `systemctl status`."""
        self._send(_status_line(text))

    def alive(self) -> None:
        """Put off the watchdog. Call it from the loop that does the work, so that a loop that hangs is noticed."""
        self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """Say that the stop has begun, be it the manager's wish or not."""
        self._send("STOPPING=1")

    def _send(self, *lines: str) -> None:
        if self._address is None:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
                channel.settimeout(_SEND_TIMEOUT_S)
                channel.sendto("\n".join(lines).encode("utf-8", "replace"), self._address)
        except OSError:
            return  # the manager is being restarted or gone: migrations matter more than telling it


def _address(configured: str) -> str | None:
    """The socket's address; None where there is none of a kind that is known here (a path, or abstract: `@name`)."""
    if configured.startswith("@"):
        return "\0" + configured[1:]
    return configured if configured.startswith("/") else None


def _watchdog_interval_s(environment: Mapping[str, str]) -> float | None:
    """Half of WATCHDOG_USEC, as sd_watchdog_enabled(3) advises; None where it is absent or meant for another process.

    Example: WatchdogSec=60 arrives as 60000000 and gives 30.0.
    """
    limit_us = environment.get("WATCHDOG_USEC", "")
    meant_for = environment.get("WATCHDOG_PID", str(os.getpid()))
    if not limit_us.isdecimal() or int(limit_us) == 0 or meant_for != str(os.getpid()):
        return None
    return int(limit_us) / _US_PER_S / 2


def _status_line(text: str) -> str:
    """One line, whatever the text holds: a line break would begin another assignment."""
    return "STATUS=" + " ".join(text.replace("\0", " ").split())[:_STATUS_MOST]
