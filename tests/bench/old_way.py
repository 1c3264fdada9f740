"""How downtime was measured before: a full connection every 50 ms that may take 100 ms.

    old_way.py ADDRESS PORT

Until its standard input ends it writes, for each outage it saw, when the first attempt that failed began and when the
first one after it that succeeded was through (CLOCK_MONOTONIC, ns).
"""

from __future__ import annotations

import select
import socket
import sys
import time

PERIOD_S, TIMEOUT_S = 0.05, 0.1


def connects(address: str, port: int) -> bool:
    """One attempt."""
    try:
        socket.create_connection((address, port), TIMEOUT_S).close()
    except OSError:
        return False
    return True


def main() -> None:
    """Watch."""
    address, port = sys.argv[1], int(sys.argv[2])
    down_ns = None
    while not select.select([sys.stdin], [], [], PERIOD_S)[0]:
        began_ns = time.monotonic_ns()
        if not connects(address, port):
            down_ns = down_ns or began_ns
        elif down_ns:
            print(down_ns, time.monotonic_ns(), flush=True)
            down_ns = None


if __name__ == "__main__":
    main()
