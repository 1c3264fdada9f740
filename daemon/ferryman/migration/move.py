"""One attempt's context: what is moved, between whom, and the services that it writes to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from ferryman.fleet.errors import FleetError
from ferryman.fleet.hypervisor import Hypervisor
from ferryman.fleet.migrating import Job, LiveMigration
from ferryman.fleet.observing import FleetView
from ferryman.fleet.ownership import Identity
from ferryman.fleet.xml.drives import Medium
from ferryman.migration.chronology import Noted
from ferryman.migration.clock import Clock
from ferryman.migration.working import THREADS, Work
from ferryman.planning.modes import Driver
from ferryman.records.audit.record import PhaseTiming, VolumeAt
from ferryman.records.audit.timeline import Mark
from ferryman.records.errors import StateUnwritableError
from ferryman.records.journal.entry import JournalEntry, Step, Watched
from ferryman.records.journal.journal import Journal
from ferryman.specs.host_spec import HostSpec

_NS_PER_MS = 1_000_000


class MoveFailedError(FleetError):
    """The move did not go through for a reason of its own, not of a host's call."""


class StoppedError(MoveFailedError):
    """The daemon is stopping and the move can be taken back: it is."""


def stopped(vm: str) -> StoppedError:
    """The daemon is stopping while the VM can still be brought back."""
    return StoppedError(f"the daemon was stopped while {vm} could still be brought back", "Start ferryman again.")


class LeftRunningError(MoveFailedError):
    """The daemon is stopping and the hypervisor's migration goes on by itself: it is adopted at the next start."""


class UnwrittenError(MoveFailedError):
    """The journal takes no entry, so the step must not be taken. It may as soon as the journal does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostPair:
    """Both hosts."""

    source: Hypervisor
    destination: Hypervisor
    others: tuple[Hypervisor, ...] = ()
    """All other hosts of the fleet: somebody may have carried the VM there."""


def ends_of(view: FleetView, source: str, destination: str) -> HostPair:
    """These two, and all others of the fleet."""
    others = sorted(view.names() - {source, destination})
    return HostPair(
        source=view.host(source), destination=view.host(destination), others=tuple(view.host(name) for name in others)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskProgress:
    """How far the disks of a cold move are."""

    total_bytes: int
    processed_bytes: int
    bytes_s: float


Report = Callable[[str, Job | DiskProgress | None], None]
"""Told the phase, and what is known of its progress."""


@dataclass(slots=True, kw_only=True)
class Move:
    """An attempt under way. The journal entry is the only thing in it that changes."""

    entry: JournalEntry
    ends: HostPair
    journal: Journal
    clock: Clock
    stop: threading.Event
    """The daemon is stopping."""
    tell: Report
    noted: list[Noted] = field(default_factory=list)
    """What was done when, for the record's timeline."""
    work: Work = THREADS
    phases: list[PhaseTiming] = field(default_factory=list)
    me: Identity | None = None
    """The daemon that moves it; None: it leaves no tag."""
    tagged_ns: int = 0
    """When the VM's tag was last renewed."""
    call_failed: bool = False
    """The hypervisor's own call said that the transfer failed: a job that is seen later is somebody else's."""
    removed: set[VolumeAt] = field(default_factory=set)
    """Of the volumes that this attempt created: those that undoing it has deleted."""
    started_ns: int = 0
    began_ns: int = 0
    """When the guest began to be moved: every outage from then on is the move's."""
    undisturbed_until_ns: int = 0
    """The latest moment at which the guest surely ran as ever: until then its answers show what is usual."""
    warnings: list[str] = field(default_factory=list)
    """What went otherwise than a person would wish, for the record."""
    sent: Job | None = None
    """Memory as the hypervisor last told while it migrated: of a post-copy migration it keeps no final figures."""
    disk_bytes: int = 0
    """Copied of the disks, as the hypervisor last told while it migrated: its final figures leave them out."""

    @property
    def through(self) -> HostSpec | None:
        """The destination, where the daemon drives the migration itself."""
        return self.ends.destination.spec if self.entry.driven_by is Driver.DAEMON else None

    @property
    def not_removed(self) -> tuple[VolumeAt, ...]:
        """The volumes that this attempt created, and that may be there still."""
        return tuple(volume for volume in self.entry.created if volume not in self.removed)

    def advance(self, step: Step) -> None:
        """Write the next step down before its effect. Raises UnwrittenError: then the step must not be taken."""
        self._write(replace(self.entry, step=step, switched=self.entry.switched or step is Step.SWITCHING))

    def did_not_switch(self) -> None:
        """Write down that the hypervisor refused the switch to post-copy: the guest is at the source alone."""
        self._write(replace(self.entry, step=Step.TRANSFERRING, switched=False))

    def asks(self, request: LiveMigration) -> None:
        """Write down what the hypervisor is asked to do, before it is."""
        self._write(replace(self.entry, step=Step.TRANSFERRING, request=request))

    def drives_itself(self, because: str) -> None:
        """Write down that the daemon drives the migration from now on, before it does."""
        self._write(replace(self.entry, driven_by=Driver.DAEMON, driven_because=because))

    def mirrors(self, targets: tuple[str, ...]) -> None:
        """Write down which disks are mirrored from now on, before they are."""
        self._write(replace(self.entry, mirrored=targets))

    def carries(self, paths: Collection[str]) -> None:
        """Write down which machine files come to be at the destination, before they do."""
        self._write(replace(self.entry, machine_files=tuple(sorted(paths))))

    def owns(self, volume: VolumeAt) -> None:
        """Write down that this attempt creates a volume, before it does."""
        self._write(replace(self.entry, created=(*self.entry.created, volume)))

    def disowns(self, volume: VolumeAt) -> None:
        """Write down that it did not come to be by this attempt's doing: undoing must not remove it."""
        self._write(replace(self.entry, created=tuple(other for other in self.entry.created if other != volume)))

    def watches(self, watched: Watched | None) -> None:
        """Keep how it is probed; written down with the next step."""
        self.entry = replace(self.entry, watched=watched)

    def asks_to_power_off(self) -> None:
        """Write down that the guest is asked to power itself off, before it is: it may obey long after."""
        self._write(replace(self.entry, step=Step.TRANSFERRING, asked_at=self.clock.now()))

    def saw_off(self) -> None:
        """Write down that the guest was seen to be off: it owes its power-off no more. Known here in any case."""
        if self.entry.asked_at is not None:
            self.entry = replace(self.entry, went_off=True)
            self._write(self.entry)

    def takes_out(self, medium: Medium) -> None:
        """Write down that this attempt ejects a medium, before it does."""
        self._write(replace(self.entry, ejected=(*self.entry.ejected, medium)))

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

    def _write(self, entry: JournalEntry) -> None:
        try:
            self.journal.write(entry)
        except StateUnwritableError as error:
            raise UnwrittenError(error.reason, error.remedy) from error
        self.entry = entry
