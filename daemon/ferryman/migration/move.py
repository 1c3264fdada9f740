"""One attempt's context: what is moved, between whom, and what it writes to."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from ferryman.fleet.migrating import Job
from ferryman.fleet.ownership import Identity
from ferryman.migration.clock import Clock
from ferryman.migration.host_pair import HostPair
from ferryman.migration.intent import Intent
from ferryman.migration.logbook import Logbook
from ferryman.migration.working import THREADS, Work
from ferryman.planning.modes import Driver
from ferryman.records.audit.record import VolumeAt
from ferryman.records.journal.entry import JournalEntry
from ferryman.specs.host_spec import HostSpec


@dataclass(slots=True, kw_only=True)
class Move:
    """An attempt under way: what it intends, what it did when, and what was learned on the way."""

    intent: Intent
    logbook: Logbook
    ends: HostPair
    clock: Clock
    stop: threading.Event
    """The daemon is stopping."""
    work: Work = THREADS
    me: Identity | None = None
    """The daemon that moves it; None: it leaves no tag."""
    tagged_ns: int = 0
    """When the VM's tag was last renewed."""
    call_failed: bool = False
    """The hypervisor's own call said that the transfer failed: a job that is seen later is somebody else's."""
    removed: set[VolumeAt] = field(default_factory=set)
    """Of the volumes that this attempt created: those that undoing it has deleted."""
    warnings: list[str] = field(default_factory=list)
    """What went otherwise than a person would wish, for the record."""
    sent: Job | None = None
    """Memory as the hypervisor last told while it migrated: of a post-copy migration it keeps no final figures."""
    disk_bytes: int = 0
    """Copied of the disks, as the hypervisor last told while it migrated."""

    @property
    def entry(self) -> JournalEntry:
        """What is written down of it by now."""
        return self.intent.entry

    @property
    def through(self) -> HostSpec | None:
        """The destination, where the daemon drives the migration itself."""
        return self.ends.destination.spec if self.entry.driven_by is Driver.DAEMON else None

    @property
    def not_removed(self) -> tuple[VolumeAt, ...]:
        """The volumes that this attempt created, and that may be there still."""
        return tuple(volume for volume in self.entry.created if volume not in self.removed)
