"""What an attempt is about to do, written down before it does it: the journal's entry, kept up to date."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

from ferryman.fleet.migrating import LiveMigration
from ferryman.fleet.xml.drives import Medium
from ferryman.migration.errors import UnwrittenError
from ferryman.planning.modes import Driver
from ferryman.records.audit.record import VolumeAt
from ferryman.records.errors import StateUnwritableError
from ferryman.records.journal.entry import JournalEntry, Step, Watched
from ferryman.records.journal.journal import Journal


@dataclass(slots=True, kw_only=True)
class Intent:
    """An open journal entry. What raises UnwrittenError was not written: its effect must not be had."""

    entry: JournalEntry
    journal: Journal

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

    def asks_to_power_off(self, at: datetime) -> None:
        """Write down that the guest is asked to power itself off, before it is: it may obey long after."""
        self._write(replace(self.entry, step=Step.TRANSFERRING, asked_at=at))

    def saw_off(self) -> None:
        """Write down that the guest was seen to be off: it owes its power-off no more. Known here in any case."""
        if self.entry.asked_at is not None:
            self.entry = replace(self.entry, went_off=True)
            self._write(self.entry)

    def takes_out(self, medium: Medium) -> None:
        """Write down that this attempt ejects a medium, before it does."""
        self._write(replace(self.entry, ejected=(*self.entry.ejected, medium)))

    def _write(self, entry: JournalEntry) -> None:
        try:
            self.journal.write(entry)
        except StateUnwritableError as error:
            raise UnwrittenError(error.reason, error.remedy) from error
        self.entry = entry
