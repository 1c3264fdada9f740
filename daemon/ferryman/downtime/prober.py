"""Starts the prober process, collects what it reports, and says at any time how the service is doing."""

from __future__ import annotations

import ipaddress
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from ferryman.downtime import probe_process
from ferryman.downtime.probe_process import MAX_IN_FLIGHT, RECORD
from ferryman.downtime.tally import RECENT, Tally
from ferryman.downtime.values import Outcome, ProbeTarget, ProbeView, Sample

_OUTCOMES = {
    probe_process.ANSWERED: Outcome.ANSWERED,
    probe_process.REFUSED: Outcome.REFUSED,
    probe_process.LOST: Outcome.LOST,
}
_READ_BYTES = 64 * RECORD.size
_LONGEST_DEADLINE_MS = 950
_STOP_GRACE_S = 2.0


class ProbeError(ValueError):
    """The target cannot be probed; the message names the remedy. Stalled until a person acts."""


class Probe:
    """A running prober; end it with `stop`, or use it as a context manager. Safe to use from any thread."""

    def __init__(self, target: ProbeTarget, process: subprocess.Popen[bytes]) -> None:
        """Use `start`."""
        self.target = target
        self._process = process
        # Packed: an hour of probing every 10 ms is 6 MB so, and ten times that as objects.
        self._records = bytearray()
        self._tally = Tally(interval_ns=_ns(target.interval_ms))
        self._news = threading.Condition()
        self._stopping = False
        self._failure: str | None = None
        self._reader = threading.Thread(target=self._read, name=f"probe {target.address}", daemon=True)
        self._reader.start()

    @classmethod
    def start(cls, target: ProbeTarget) -> Self:
        """Start probing; the first probe leaves some 50 ms later.

        Raises ProbeError for a target that cannot be probed, OSError where no process can be started.
        """
        _check(target)
        command = [
            # Isolated and without site: nothing of the environment slows its start or changes its imports.
            *(sys.executable, "-I", "-S", str(Path(probe_process.__file__))),
            *(target.address, str(target.port)),
            *(str(_ns(target.interval_ms)), str(_ns(target.deadline_ms))),
        ]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
        )
        return cls(target, process)

    @property
    def pid(self) -> int:
        """The prober's process."""
        return self._process.pid

    @property
    def failure(self) -> str | None:
        """Why the prober ended by itself; None while it runs and after an orderly stop."""
        with self._news:
            return self._failure

    def latest(self) -> ProbeView:
        """How the service is doing at this moment."""
        with self._news:
            return self._tally.view(time.monotonic_ns())

    def wait_answering(self, *, consecutive: int, timeout_s: float) -> bool:
        """Wait until so many probes in a row were answered, all of them sent after this call.

        False at the time-out or when the prober failed. At most RECENT can be asked for.
        """
        if consecutive > RECENT:
            raise ValueError(f"a run of {consecutive} cannot be judged: ask for at most {RECENT}")
        called_ns = time.monotonic_ns()

        def settled() -> bool:
            return self._ended() or self._tally.answered_in_a_row(after_ns=called_ns) >= consecutive

        with self._news:
            self._news.wait_for(settled, timeout_s)
            return self._tally.answered_in_a_row(after_ns=called_ns) >= consecutive

    def samples(self) -> tuple[Sample, ...]:
        """All probes whose fate is known, in the order of sending; the newest are still in flight."""
        with self._news:
            records = bytes(self._records)
        samples = [_sample(record) for record in RECORD.iter_unpack(records)]
        return tuple(sorted(samples, key=lambda sample: sample.sent_ns))

    def stop(self) -> tuple[Sample, ...]:
        """Send no more, wait for the probes in flight (at most the deadline), and return all samples."""
        with self._news:
            self._stopping = True
        _pipe(self._process.stdin).close()
        try:
            self._process.wait(self.target.deadline_ms / 1000 + _STOP_GRACE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()
        return self.samples()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _ended(self) -> bool:
        return self._stopping or self._failure is not None

    def _read(self) -> None:
        """Collect records until the process closes its output; the reader thread's whole life."""
        output, complaints = _pipe(self._process.stdout), _pipe(self._process.stderr)
        remainder = b""
        while chunk := output.read(_READ_BYTES):
            remainder = self._take(remainder + chunk)
        complaint = complaints.read().decode(errors="replace").strip()
        output.close()
        complaints.close()
        code = self._process.wait()
        with self._news:
            if not self._stopping:
                last_line = complaint.rpartition("\n")[2] or f"exit code {code}"
                self._failure = f"the prober ended by itself: {last_line}"
            self._news.notify_all()

    def _take(self, data: bytes) -> bytes:
        """Count the whole records in `data`; returns the rest."""
        whole = len(data) - len(data) % RECORD.size
        with self._news:
            for record in RECORD.iter_unpack(data[:whole]):
                if record[1] == probe_process.NOT_SENT:
                    self._tally.add_not_sent()
                else:
                    self._records += RECORD.pack(*record)
                    self._tally.add(_sample(record))
            self._news.notify_all()
        return data[whole:]


def _sample(record: tuple[int, ...]) -> Sample:
    sent_ns, fate, round_trip_ns = record
    return Sample(sent_ns=sent_ns, outcome=_OUTCOMES[fate], round_trip_ns=round_trip_ns)


def _check(target: ProbeTarget) -> None:
    try:
        ipaddress.ip_address(target.address)
    except ValueError:
        raise ProbeError(f"probe address {target.address!r} is not an IP address: give one, not a name") from None
    if not 1 <= target.port <= 65535:
        raise ProbeError(f"probe port {target.port} does not exist: give one from 1 to 65535")
    if not 0 < target.deadline_ms <= _LONGEST_DEADLINE_MS:
        raise ProbeError(
            f"probe deadline {target.deadline_ms} ms: give at most {_LONGEST_DEADLINE_MS}, "
            "as the kernel repeats an unanswered SYN after 1000"
        )
    if not target.deadline_ms / MAX_IN_FLIGHT < target.interval_ms <= 1000:
        shortest_ms = target.deadline_ms / MAX_IN_FLIGHT
        raise ProbeError(f"probe interval {target.interval_ms} ms: give more than {shortest_ms:.1f}, at most 1000")


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise AssertionError("the process was started with all three pipes")
    return pipe


def _ns(milliseconds: float) -> int:
    return round(milliseconds * 1e6)
