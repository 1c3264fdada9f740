"""What an attempt does when, on one clock: kept for its record, and shown while it goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from ferryman.fleet.migrating import Job
from ferryman.migration.chronology import Noted
from ferryman.migration.clock import Clock
from ferryman.records.audit.record import PhaseTiming
from ferryman.records.audit.timeline import Mark

_NS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskProgress:
    """How far the disks of a cold move are."""

    total_bytes: int
    processed_bytes: int
    bytes_s: float


Report = Callable[[str, Job | DiskProgress | None], None]
"""Told the phase, and what is known of its progress."""


@dataclass(slots=True, kw_only=True)
class Logbook:
    """Of one attempt. All moments are on the monotonic clock."""

    clock: Clock
    tell: Report
    started_ns: int
    began_ns: int = 0
    """When the guest began to be moved: every outage from then on is the move's."""
    undisturbed_until_ns: int = 0
    """The latest moment at which the guest surely ran as ever: until then its answers show what is usual."""
    noted: list[Noted] = field(default_factory=list)
    """For the record's timeline."""
    phases: list[PhaseTiming] = field(default_factory=list)

    def begins(self) -> None:
        """From now on the guest is moved."""
        self.began_ns = self.undisturbed_until_ns = self.clock.monotonic_ns()

    def taken_up(self, started_ns: int, last_sent_ns: int) -> None:
        """The attempt began under another daemon, on this machine: at this moment, and its last probe was sent then."""
        self.started_ns = started_ns
        self.began_ns = self.undisturbed_until_ns = last_sent_ns + 1

    def report(self, phase: str, work: Job | DiskProgress | None) -> None:
        """Show what is being done, and note it where it is something else than before."""
        if phase != next((one.detail for one in reversed(self.noted) if one.mark is Mark.PHASE), None):
            self.note(Mark.PHASE, detail=phase)
        self.tell(phase, work)

    def note(self, mark: Mark, host: str = "", detail: str = "", *, at_ns: int | None = None) -> None:
        """For the record's timeline; `at_ns` where that was earlier than now."""
        moment_ns = self.clock.monotonic_ns() if at_ns is None else at_ns
        self.noted.append(Noted(at_ns=moment_ns, mark=mark, host=host, detail=detail))

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time a phase, and show it."""
        began = self.clock.monotonic_ns()
        self.report(name, None)
        try:
            yield
        finally:
            self.phases.append(
                PhaseTiming(
                    name=name,
                    started_ms=(began - self.started_ns) / _NS_PER_MS,
                    duration_ms=(self.clock.monotonic_ns() - began) / _NS_PER_MS,
                )
            )

    def elapsed_ms(self) -> float:
        """Since the attempt began."""
        return (self.clock.monotonic_ns() - self.started_ns) / _NS_PER_MS
