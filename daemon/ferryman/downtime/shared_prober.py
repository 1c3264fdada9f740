"""One prober program for all probes of this daemon; it is started anew where it dies while it is needed.

One for all, as fifty processes took 2 cores for what one does in 0.6, and held each other up.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from typing import Protocol

from ferryman.downtime.probe_process import RECORD
from ferryman.downtime.prober_program import LocalProgram, ProberProgram

Record = tuple[int, int, int]
"""Sent time in ns, fate, detail: see probe_process."""

_NUMBERS = 1 << 16
_MOST_RESTARTS, _RESTARTS_WITHIN_S = 5, 10.0
_FINISH_S = 2.0


class Member(Protocol):
    """One that is probed for."""

    @property
    def order(self) -> str:
        """ADDRESS PORT INTERVAL_NS DEADLINE_NS."""
        ...

    def take(self, records: Sequence[Record]) -> None:
        """What was reported of it since the last time."""
        ...

    def fail(self, reason: str) -> None:
        """No more will be reported, and why."""
        ...


class SharedProber:
    """Probes for its members while it has any. Safe to use from any thread."""

    def __init__(self, launch: Callable[[], ProberProgram] = LocalProgram.launch) -> None:
        """`launch` starts a program, or raises OSError."""
        self._launch = launch
        self._lock = threading.Lock()
        self._members: dict[int, Member] = {}
        self._numbers = itertools.count()
        self._program: ProberProgram | None = None
        self._reader: threading.Thread | None = None
        self._restarts: deque[float] = deque(maxlen=_MOST_RESTARTS)

    @property
    def pid(self) -> int | None:
        """The program's process; None while there is none."""
        with self._lock:
            return None if self._program is None else self._program.pid

    def join(self, member: Member) -> int:
        """Begin to probe for a member; returns its number. Raises OSError where no program can be started."""
        with self._lock:
            number = next(free for each in self._numbers if (free := each % _NUMBERS) not in self._members)
            program = self._program or self._start()
            self._members[number] = member
            _give(program, f"start {number} {member.order}")
            return number

    def stop(self, number: int) -> None:
        """Send no more for this member; once nothing is in flight it is told STOPPED."""
        with self._lock:
            if self._program is not None:
                _give(self._program, f"stop {number}")

    def leave(self, number: int) -> None:
        """Forget the member; with the last one the program ends."""
        with self._lock:
            self._members.pop(number, None)
            program, reader = self._program, self._reader
            if self._members or program is None or reader is None:
                return
            self._program = self._reader = None
        program.finish()
        reader.join(_FINISH_S)
        if reader.is_alive():
            program.kill()
            reader.join()

    def _start(self) -> ProberProgram:
        """Start the program and its reader; the lock is held."""
        program = self._launch()
        self._program = program
        self._reader = threading.Thread(target=self._read, args=(program,), name="prober", daemon=True)
        self._reader.start()
        return program

    def _read(self, program: ProberProgram) -> None:
        """Deliver its reports until it ends; a reader thread's whole life."""
        rest = b""
        while chunk := program.read():
            rest = self._deliver(rest + chunk)
        reason = program.last_words()
        with self._lock:
            if self._program is not program:
                return
            self._program = self._reader = None
            bereft = [] if self._restarted() else list(self._members.values())
        for member in bereft:
            member.fail(f"the prober ended by itself: {reason}")

    def _restarted(self) -> bool:
        """Start it anew, at once: what it missed is a hole, which widens the bounds. The lock is held."""
        now = time.monotonic()
        if len(self._restarts) == _MOST_RESTARTS and now - self._restarts[0] < _RESTARTS_WITHIN_S:
            return False
        self._restarts.append(now)
        try:
            program = self._start()
        except OSError:
            return False
        for number, member in self._members.items():
            _give(program, f"start {number} {member.order}")
        return True

    def _deliver(self, data: bytes) -> bytes:
        """Hand the whole records in `data` to whom they are about; returns the rest."""
        whole = len(data) - len(data) % RECORD.size
        news: dict[int, list[Record]] = defaultdict(list)
        for number, *record in RECORD.iter_unpack(data[:whole]):
            news[number].append((record[0], record[1], record[2]))
        for number, records in news.items():
            member = self._members.get(number)
            if member is not None:
                member.take(records)
        return data[whole:]


def _give(program: ProberProgram, order: str) -> None:
    try:
        program.order(order)
    except OSError:
        # It just died: its reader notices, and gives all orders to its successor.
        return
