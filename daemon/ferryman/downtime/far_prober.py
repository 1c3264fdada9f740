"""The prober on a host, over SSH: its times are turned into ours, and a way there that breaks is made anew."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Self

from ferryman.downtime import probe_process
from ferryman.downtime.far_clock import FarClock, far_clock, widened
from ferryman.fleet.errors import FleetError, HostUnreachableError
from ferryman.fleet.ssh.far_python import FarProgram

_SOURCE = Path(probe_process.__file__).read_bytes()
_READINGS = 8
_AGAIN_S = 1.0
"""Between two tries to reach a host that was lost."""


class FarProber:
    """`ProberProgram` on another host.

    What it sees while the way there is broken is lost: a hole, which widens the bounds. It connects at the first
    reading, so that whoever starts it need not wait.
    """

    pid = 0
    """Of no use here."""

    def __init__(self, connect: Callable[[], FarProgram]) -> None:
        """`connect` raises HostUnreachableError."""
        self._connect = connect
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._orders: dict[str, str] = {}
        """By target: what a new prober is told first."""
        self._program: FarProgram | None = None
        self._clock: FarClock | None = None
        self._error_ns = 0
        self._rest = b""
        self._trouble: FleetError | None = None
        self._launched = False

    def launch(self) -> Self:
        """Itself, the first time. Raises OSError later: it has made its way anew as long as that made sense."""
        if self._launched:
            raise OSError("it is not started twice")
        self._launched = True
        return self

    @property
    def trouble(self) -> str:
        """Why it cannot be heard now, and the remedy; empty where it can."""
        error = self._trouble
        return f"{error.reason}: {error.remedy}" if error is not None else ""

    @property
    def clock_error_ms(self) -> float | None:
        """How far its times may be off, turned into ours; None: it was never reached."""
        return None if self._clock is None else self._error_ns / 1e6

    def order(self, line: str) -> None:
        """Hand it one order, at once or as soon as it is there."""
        verb, number = line.split()[:2]
        with self._lock:
            if verb == "start":
                self._orders[number] = line
            else:
                self._orders.pop(number, None)
            if self._program is not None:
                self._tell(self._program, line)

    def read(self) -> bytes:
        """What it reports next, in our time; empty: it ended, or was never reached, or nobody wants it any more."""
        while (program := self._program or self._reached()) is not None:
            try:
                data = program.read()
            except HostUnreachableError as error:
                self._lose(error)
                continue
            except FleetError as error:
                self._trouble = error
                return b""
            if not data or (reports := self._in_our_time(data)):
                return reports if data else b""
        return b""

    def finish(self) -> None:
        """No more orders come: it ends once nothing is in flight."""
        self._ending.set()
        program = self._program
        if program is None:
            return
        try:
            program.end_input()
            self._compare_clocks_again()
        except FleetError as error:
            # Its reader notices, too; how far the clocks drifted apart is not known then.
            self._trouble = error

    def kill(self) -> None:
        """End it at once."""
        self._ending.set()
        if self._program is not None:
            self._program.close()

    def last_words(self) -> str:
        """Why it ended. Lets go of its host."""
        if self._program is not None:
            self._program.close()
        return self.trouble or "without a word"

    def _reached(self) -> FarProgram | None:
        """A prober there, however often that takes; None: the first try failed, a later was refused, or it is over."""
        while not self._ending.is_set():
            try:
                return self._begin()
            except HostUnreachableError as error:
                self._trouble = error
                if self._clock is None:
                    return None
            except FleetError as error:
                self._trouble = error
                return None
            self._ending.wait(_AGAIN_S)
        return None

    def _begin(self) -> FarProgram:
        program = self._connect()
        try:
            clock = far_clock([program.clock() for _ in range(_READINGS)])
            program.become(_SOURCE)
        except FleetError:
            program.close()
            raise
        with self._lock:
            self._program, self._clock, self._rest, self._trouble = program, clock, b"", None
            self._error_ns = max(self._error_ns, clock.error_ns)
            for line in self._orders.values():
                self._tell(program, line)
        return program

    def _lose(self, error: HostUnreachableError) -> None:
        with self._lock:
            program, self._program, self._trouble = self._program, None, error
        if program is not None:
            program.close()

    def _tell(self, program: FarProgram, line: str) -> None:
        try:
            program.write(f"{line}\n".encode())
        except HostUnreachableError as error:
            # The next reading fails, too, and its successor is told all orders.
            self._trouble = error

    def _compare_clocks_again(self) -> None:
        """Clocks drift apart in a move of hours."""
        if self._clock is None:
            return
        again = self._connect()
        try:
            ended = far_clock([again.clock() for _ in range(_READINGS)])
        finally:
            again.close()
        self._error_ns = max(self._error_ns, widened(self._clock, ended).error_ns)

    def _in_our_time(self, data: bytes) -> bytes:
        """The whole records in what came, with our times; the rest waits for what comes next."""
        clock, record = self._clock, probe_process.RECORD
        if clock is None:
            raise AssertionError("it was reached")
        data = self._rest + data
        whole = len(data) - len(data) % record.size
        self._rest = data[whole:]
        reports = bytearray()
        for number, sent_ns, fate, detail in record.iter_unpack(data[:whole]):
            reports += record.pack(number, clock.here_ns(sent_ns), fate, detail)
        return bytes(reports)
