"""Where the files of a state folder are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ferryman.records.audit.record import MigrationRecord, RemovalRecord
from ferryman.records.names import checked

VMS, HOSTS = "vms", "hosts"
MIGRATIONS, REMOVALS = "migrations", "removals"


@dataclass(frozen=True, slots=True)
class StatePaths:
    """Of one state folder. A name that would leave its folder raises ValueError: the caller's bug."""

    folder: Path

    @property
    def fleet(self) -> Path:
        """The fleet's state."""
        return self.folder / "fleet.toml"

    def vm(self, name: str) -> Path:
        """The VM's state."""
        return self.folder / VMS / f"{checked(name)}.toml"

    def host(self, name: str) -> Path:
        """The host's state."""
        return self.folder / HOSTS / f"{checked(name)}.toml"

    def record(self, record: MigrationRecord) -> Path:
        """The audit record: by the month that the move began in, UTC."""
        return self._by_month(MIGRATIONS, record.started_at, record.id)

    def removal(self, removal: RemovalRecord) -> Path:
        """The record of a removal: by its month, UTC."""
        return self._by_month(REMOVALS, removal.removed_at, removal.id)

    def _by_month(self, kind: str, at: datetime, record_id: str) -> Path:
        month = at.astimezone(UTC)
        return self.folder / kind / f"{month:%Y}" / f"{month:%m}" / f"{checked(record_id)}.toml"
