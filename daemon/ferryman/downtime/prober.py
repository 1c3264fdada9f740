"""Probes one target, keeps its samples, and says at any time how the service is doing."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from types import TracebackType
from typing import Self

from ferryman.downtime import probe_process
from ferryman.downtime.resolving import ResolveError, find_address
from ferryman.downtime.shared_prober import Record, SharedProber
from ferryman.downtime.tally import Row, Tally
from ferryman.downtime.values import ProbeFate, ProbeTarget, ProbeView, Sample

_OUTCOMES = {
    probe_process.ANSWERED: ProbeFate.ANSWERED,
    probe_process.REFUSED: ProbeFate.REFUSED,
    probe_process.LOST: ProbeFate.LOST,
    probe_process.UNREACHABLE: ProbeFate.UNREACHABLE,
    probe_process.RESET: ProbeFate.RESET,
}
_LONGEST_DEADLINE_MS = 950
_STOP_GRACE_S = 2.0
_OF_THIS_MACHINE = SharedProber()


class ProbeError(ValueError):
    """The target cannot be probed; the message names the remedy. Stalled until a person acts."""


class Probe:
    """A running probe; end it with `stop`, or use it as a context manager. Safe to use from any thread."""

    def __init__(self, target: ProbeTarget, prober: SharedProber) -> None:
        """Use `start`."""
        self.target = target
        self._prober = prober
        self._samples: list[Sample] = []
        self._tally = Tally(interval_ns=_ns(target.interval_ms))
        self._news = threading.Condition()
        self._stopping = self._stopped = False
        self._failure: str | None = None
        self._unsendable = 0
        self._number = prober.join(self)

    @classmethod
    def start(cls, target: ProbeTarget, prober: SharedProber = _OF_THIS_MACHINE) -> Self:
        """Start probing; the first probe leaves some 50 ms later. A name is resolved now, and never again.

        Raises ProbeError for a target that cannot be probed, OSError where no process can be started.
        """
        _check(target)
        try:
            address = find_address(target.address, target.port)
        except ResolveError as error:
            raise ProbeError(str(error)) from error
        return cls(replace(target, address=address), prober)

    @property
    def order(self) -> str:
        """What the prober is told of the target."""
        target = self.target
        return f"{target.address} {target.port} {_ns(target.interval_ms)} {_ns(target.deadline_ms)}"

    @property
    def pid(self) -> int | None:
        """The prober's process, which other probes share; None while there is none."""
        return self._prober.pid

    @property
    def failure(self) -> str | None:
        """Why there is no prober any more; None while it runs and after an orderly stop."""
        with self._news:
            return self._failure

    @property
    def missed(self) -> int:
        """Slots of the schedule in which nothing could be sent."""
        return self.latest().not_sent

    @property
    def unsendable(self) -> int:
        """Probes that this machine could not send when it was their turn."""
        with self._news:
            return self._unsendable

    def latest(self) -> ProbeView:
        """How the service is doing at this moment."""
        with self._news:
            return self._tally.view(time.monotonic_ns())

    def wait_answering(self, *, consecutive: int, timeout_s: float, for_ms: float = 0) -> bool:
        """Wait until so many probes in a row were answered, and over so long, all of them sent after this call.

        False at the time-out or when the prober failed.
        """
        called_ns = time.monotonic_ns()
        wanted = max(consecutive, 1 + int(for_ms / self.target.interval_ms))
        # Slots are a little closer than the interval.
        most = wanted + wanted // 8
        look_at = wanted

        def row() -> Row:
            return self._tally.answered_in_a_row(after_ns=called_ns, most=most)

        def is_enough(seen: Row) -> bool:
            return seen.count >= consecutive and seen.lasted_ns >= for_ms * 1e6

        def settled() -> bool:
            nonlocal look_at
            # Counting comes first, as it costs next to nothing.
            if self._ended() or self._tally.answered < look_at:
                return self._ended()
            seen = row()
            look_at = self._tally.answered + max(1, wanted - seen.count)
            return is_enough(seen)

        with self._news:
            look_at += self._tally.answered
            self._news.wait_for(settled, timeout_s)
            return is_enough(row())

    def samples(self) -> tuple[Sample, ...]:
        """All probes whose fate is known, in the order of sending; the newest are still in flight."""
        with self._news:
            return tuple(sorted(self._samples, key=lambda sample: sample.sent_ns))

    def settled(self, begin: int) -> list[Sample]:
        """The probes whose fate became known, in that order, from the `begin`-th on: for one who shows them."""
        with self._news:
            return self._samples[begin:]

    def stop(self) -> tuple[Sample, ...]:
        """Send no more, wait for the probes in flight (at most the deadline), and return all samples."""
        with self._news:
            self._stopping = True
            self._prober.stop(self._number)
            self._news.wait_for(lambda: self._stopped or self._failure, self.target.deadline_ms / 1000 + _STOP_GRACE_S)
            self._stopped = True
        self._prober.leave(self._number)
        return self.samples()

    def take(self, records: Sequence[Record]) -> None:
        """Count what the prober reports."""
        with self._news:
            for sent_ns, fate, detail in records:
                self._count(sent_ns, fate, detail)
            self._news.notify_all()

    def fail(self, reason: str) -> None:
        """The prober is gone for good."""
        with self._news:
            self._failure = None if self._stopping else reason
            self._stopped = True
            self._news.notify_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _ended(self) -> bool:
        return self._stopping or self._failure is not None

    def _count(self, sent_ns: int, fate: int, detail: int) -> None:
        match fate:
            case probe_process.STOPPED:
                self._stopped = True
            case probe_process.FAILED:
                self.fail(f"{self.target.address} cannot be probed: {os.strerror(detail)}")
            case probe_process.NOT_SENT:
                self._unsendable += 1
                self._tally.add_not_sent(sent_ns, 1)
            case probe_process.MISSED:
                self._tally.add_not_sent(sent_ns, detail)
            case _:
                outcome = _OUTCOMES[fate & ~probe_process.BLIND]
                sample = Sample(
                    sent_ns=sent_ns, outcome=outcome, round_trip_ns=detail, blind=bool(fate & probe_process.BLIND)
                )
                self._samples.append(sample)
                self._tally.add(sample)


def _check(target: ProbeTarget) -> None:
    if not 1 <= target.port <= 65535:
        raise ProbeError(f"probe port {target.port} does not exist: give one from 1 to 65535")
    if not 0 < target.deadline_ms <= _LONGEST_DEADLINE_MS:
        raise ProbeError(
            f"probe deadline {target.deadline_ms} ms: give at most {_LONGEST_DEADLINE_MS}, "
            "as the kernel repeats an unanswered SYN after 1000"
        )
    if not 1 <= target.interval_ms <= 1000:
        raise ProbeError(f"probe interval {target.interval_ms} ms: give one from 1 to 1000")


def _ns(milliseconds: float) -> int:
    return round(milliseconds * 1e6)
