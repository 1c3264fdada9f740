"""A live migration between fake hosts, and how it may break."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from ferryman.fleet.errors import FailureKind, FleetError
from ferryman.fleet.fake.certificates import shake_hands
from ferryman.fleet.fake.domain import FakeDomain
from ferryman.fleet.fake.domains import FakeDomains
from ferryman.fleet.fake.faults import refused
from ferryman.fleet.fake.machine import Machine
from ferryman.fleet.migrating import Job, JobPhase, LiveMigration, MemoryTransfer
from ferryman.fleet.values import MigrationSide, Off, Power
from ferryman.fleet.xml import domain as domain_xml
from ferryman.fleet.xml.adapting import adapted
from ferryman.specs.fields import uri_host

COMPLETED = Job(
    phase=JobPhase.MEMORY,
    elapsed_ms=1500,
    memory_total_bytes=96 * 1024**2,
    memory_processed_bytes=40 * 1024**2,
    memory_iteration=3,
    downtime_ms=31,
    setup_ms=4,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Breakage:
    """What a migration leaves behind that does not end well. A power of None: the VM is not there."""

    source: Power | None
    destination: Power | None
    incoming: bool = True
    """A paused destination is the incoming copy that never ran."""
    error: FleetError | None = None
    """What the call raises; None: that it failed."""


POST_COPY_BROKEN = Breakage(source=Power.PAUSED, destination=Power.RUNNING)
"""Of a migration that has switched to post-copy: its connection broke, and it can be resumed."""


@dataclass(slots=True, kw_only=True)
class FakeMigration:
    """One migration under way."""

    request: LiveMigration
    source: Machine
    destination: Machine
    jobs: deque[Job]
    breakage: Breakage | None
    by_client: bool = False
    """Driven by the program that asked for it, not by the source's libvirtd."""
    over: bool = False
    switched: bool = False
    error: FleetError | None = None

    def begin(self) -> None:
        """The destination prepares. Raises OperationFailedError where it cannot."""
        here = self.source.domains.require(self.request.vm)
        there = self.destination.domains.known
        if here.power is not Power.RUNNING:
            raise refused(FailureKind.OTHER, f"{here.name} is not running")
        if self.request.memory is MemoryTransfer.PAUSED:
            here.power = Power.PAUSED
        if any(other.name == here.name or other.uuid == here.uuid for other in there.values()):
            raise refused(FailureKind.OTHER, f"{self.destination.name} has {here.name} already")
        if self.request.tls:
            expected = self.request.tls_name or uri_host(self.request.data_uri)
            shake_hands(self.source.certificates(), self.destination.certificates(), expected)
        xml = adapted(here.xml, self.request.adaptation)
        incoming = FakeDomain(
            name=here.name,
            uuid=here.uuid,
            memory_mib=here.memory_mib,
            xml=xml,
            live_xml=adapted(here.live_xml, self.request.adaptation) if here.live_xml else "",
            persistent=False,
            tag=here.tag,
        )
        for disk in self.destination.domains.files(incoming):
            if self.destination.volumes.by_path(disk.path) is None:
                raise refused(FailureKind.OTHER, f"{self.destination.name}: cannot open {disk.path}")
        for disk in domain_xml.disks(xml):
            if disk.target in self.request.copied_disks and disk.read_only:
                raise refused(FailureKind.OTHER, f"Cannot migrate empty or read-only disk {disk.target}")
        self._require_whole_chains(incoming)
        incoming.power, incoming.side = Power.PAUSED, MigrationSide.INCOMING
        there[here.name] = incoming

    def switch(self) -> None:
        """The guest runs at the destination; its memory follows. Raises OperationFailedError."""
        if self.request.memory is not MemoryTransfer.POST_COPY:
            raise refused(FailureKind.OTHER, f"the migration of {self.request.vm} was not begun for post-copy")
        here, there = self._here(), self.destination.domains.known[self.request.vm]
        self._copy_disks(here, there)
        self.switched = here.post_copy = there.post_copy = True
        here.power, there.power, there.side = Power.PAUSED, Power.RUNNING, MigrationSide.NONE

    def resume(self) -> None:
        """Its connection is whole again."""
        self.over, self.error, self.breakage = False, None, None

    def finish(self) -> None:
        """The switch-over, or what a test planted in its place."""
        self.over = True
        if self.breakage is POST_COPY_BROKEN and self.switched:
            self.error = self.breakage.error or refused(FailureKind.OTHER, f"{self.request.vm}'s connection broke")
            return
        if self.breakage is not None:
            self._break(self.breakage)
            return
        here, there = self._here(), self.destination.domains.known[self.request.vm]
        self._copy_disks(here, there)
        here.power, here.post_copy, there.post_copy = Power.PAUSED, False, False
        self.look()
        there.power, there.side, there.persistent, there.completed = Power.RUNNING, MigrationSide.NONE, True, COMPLETED
        here.power, here.off = Power.SHUT_OFF, Off.LEFT

    def look(self) -> None:
        """Both ends tell what became of the guest by now."""
        self.source.domains.look()
        self.destination.domains.look()

    def cancel(self) -> None:
        """The guest goes on at the source. Raises OperationFailedError after the switch to post-copy."""
        if self.switched:
            raise refused(FailureKind.OTHER, f"{self.request.vm} runs at the destination already")
        self.over = True
        self._here().power = Power.RUNNING
        self.error = refused(FailureKind.ABORTED, f"the migration of {self.request.vm} was cancelled")
        self.destination.domains.known.pop(self.request.vm, None)

    def _break(self, breakage: Breakage) -> None:
        there = self.destination.domains.known[self.request.vm]
        self._leave(self.source.domains, self._here(), breakage.source)
        if breakage.destination in (Power.RUNNING, Power.SHUT_OFF):
            self._copy_disks(self._here(), there)
            there.persistent = True
        self._leave(self.destination.domains, there, breakage.destination)
        paused = breakage.destination is Power.PAUSED and breakage.incoming
        there.side = MigrationSide.INCOMING if paused else MigrationSide.NONE
        failed = refused(FailureKind.OTHER, f"the migration of {self.request.vm} broke")
        self.error = breakage.error or failed

    def _leave(self, domains: FakeDomains, domain: FakeDomain, power: Power | None) -> None:
        if power is None:
            domains.known.pop(domain.name, None)
        else:
            domain.power = power

    def _copy_disks(self, here: FakeDomain, there: FakeDomain) -> None:
        before = {disk.target: disk.path for disk in self.source.domains.files(here)}
        for disk in self.destination.domains.files(there):
            old, new = self.source.volumes.stored(before[disk.target]), self.destination.volumes.stored(disk.path)
            if disk.target in self.request.copied_disks and old is not None and new is not None:
                new.content = old.content

    def _require_whole_chains(self, incoming: FakeDomain) -> None:
        """A layer goes over the image that it lay over, and a whole image over none."""
        before = {disk.target: disk.path for disk in self.source.domains.files(self._here())}
        for disk in self.destination.domains.files(incoming):
            old, new = self.source.volumes.stored(before[disk.target]), self.destination.volumes.stored(disk.path)
            if old is None or new is None or disk.target not in self.request.copied_disks:
                continue
            if new.over != (old.over if self.request.layers_only else None):
                raise refused(FailureKind.OTHER, f"{disk.target}: half a chain would be copied")

    def _here(self) -> FakeDomain:
        return self.source.domains.require(self.request.vm)
