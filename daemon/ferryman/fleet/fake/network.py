"""What joins the fake hosts."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ferryman.fleet.errors import FailureKind
from ferryman.fleet.fake.faults import refused
from ferryman.fleet.fake.images import Exports
from ferryman.fleet.fake.machine import Machine
from ferryman.fleet.fake.migration import Breakage, FakeMigration
from ferryman.fleet.migrating import Job, LiveMigration
from ferryman.specs.host_spec import HostSpec


@dataclass(slots=True)
class Network:
    """What joins the hosts: who can be reached by which URI, and what migrates between them."""

    news: threading.Condition = field(default_factory=lambda: threading.Condition(threading.RLock()))
    """Held during every call; told when a migration is over."""
    exports: Exports = field(default_factory=Exports)
    machines: dict[str, Machine] = field(default_factory=dict)
    """By the URI that peers use."""
    under_way: dict[str, FakeMigration] = field(default_factory=dict)
    """By VM."""
    broken: dict[str, FakeMigration] = field(default_factory=dict)
    """By VM: post-copy migrations that wait to be resumed."""
    next_jobs: dict[str, Sequence[Job]] = field(default_factory=dict)
    next_breakages: dict[str, Breakage] = field(default_factory=dict)

    def begin(self, source: Machine, request: LiveMigration, through: HostSpec | None = None) -> FakeMigration:
        """Begin a migration; each look at its job takes it one step further. Raises OperationFailedError."""
        destination = self.destination(source, request, through)
        if request.vm in self.under_way:
            raise refused(FailureKind.BUSY, f"{request.vm} is being migrated")
        migration = FakeMigration(
            request=request,
            source=source,
            destination=destination,
            jobs=deque(self.next_jobs.pop(request.vm, ())),
            breakage=self.next_breakages.pop(request.vm, None),
            by_client=through is not None,
        )
        migration.begin()
        migration.look()
        self.under_way[request.vm] = migration
        return migration

    def destination(self, source: Machine, request: LiveMigration, through: HostSpec | None) -> Machine:
        """The machine that the source's libvirtd finds by itself, or the one that the caller leads it to."""
        if through is None:
            found = self.machines.get(request.peer_uri)
            reached = found is not None and source.reaches(found.name)
        else:
            found = next((machine for machine in self.machines.values() if machine.name == through.name), None)
            reached = found is not None and not found.is_silent()
        if found is None or found is source or not reached:
            kind = FailureKind.PEER_UNREACHED if through is None else FailureKind.OTHER
            raise refused(kind, f"{source.name} cannot migrate to {request.peer_uri}")
        return found

    def client_gone(self) -> None:
        """The program that drove migrations has ended: each that has not switched to post-copy is cancelled."""
        for vm, migration in list(self.under_way.items()):
            if migration.by_client and not migration.switched:
                self.end(vm, FakeMigration.cancel)

    def end(self, vm: str, how: Callable[[FakeMigration], None]) -> None:
        """End a migration by `finish` or `cancel`."""
        migration = self.under_way[vm]
        how(migration)
        del self.under_way[vm]
        if migration.switched and migration.error is not None:
            self.broken[vm] = migration
        self.news.notify_all()
