"""What happens to a fake fleet without ferryman's doing: power cuts, dying QEMUs, other people."""

from __future__ import annotations

from dataclasses import replace

from ferryman.fleet.errors import FailureKind
from ferryman.fleet.fake.domain import FakeDomain
from ferryman.fleet.fake.faults import refused
from ferryman.fleet.fake.hosts import FakeFleet, FakeHost
from ferryman.fleet.fake.migration import FakeMigration
from ferryman.fleet.fake.storage import FakeVolume
from ferryman.fleet.values import MigrationSide, Off, Power


class Accidents:
    """Each is one event, complete when the call returns."""

    def __init__(self, fleet: FakeFleet) -> None:
        self._fleet = fleet
        self._network = fleet.network

    def migration_goes_on(self, vm: str) -> None:
        """The hypervisor gets one step further with it, whoever watches; nothing where none is under way."""
        with self._network.news:
            migration = self._network.under_way.get(vm)
            if migration is None:
                return
            if migration.jobs:
                migration.jobs.popleft()
            else:
                self._network.end(vm, FakeMigration.finish)

    def daemon_dies(self) -> None:
        """Every connection of a daemon that was killed is closed, and what it drove by them ends."""
        with self._network.news:
            self._network.client_gone()

    def connection_breaks(self, vm: str) -> None:
        """What joins both ends of a migration is cut. Before the switch to post-copy it fails, after it both wait."""
        with self._network.news:
            migration = self._network.under_way.get(vm)
            if migration is not None:
                self._network.end(vm, _broken if migration.switched else FakeMigration.cancel)

    def qemu_dies(self, host: str, vm: str) -> None:
        """A VM's QEMU on one host ends. Nothing where it has none."""
        with self._network.news:
            here = self._fleet.hosts[host]
            domain = here.domains.known.get(vm)
            if domain is None or domain.power is Power.SHUT_OFF:
                return
            migration = self._network.under_way.get(vm)
            if migration is not None and here.machine in (migration.source, migration.destination):
                self._network.end(vm, lambda ended: _lose_one_end(ended, here))
            # What was waiting to be resumed cannot be any more.
            self._network.broken.pop(vm, None)
            if vm in here.domains.known:
                here.domains.power_off(vm, Off.ENDED)

    def power_cut(self, host: str) -> None:
        """The machine goes off and on again: every QEMU dies, and what is armed starts."""
        with self._network.news:
            here = self._fleet.hosts[host]
            for vm in list(here.domains.known):
                self.qemu_dies(host, vm)
            here.reboot()

    def carried_off(self, vm: str, source: str, destination: str, *, keeps_definition: bool = False) -> bool:
        """Somebody else moves a running VM, disks and all; False where that cannot be done now.

        `keeps_definition`: as `virsh migrate` does unasked; the old disks stay, too.
        """
        with self._network.news:
            here, there = self._fleet.hosts[source], self._fleet.hosts[destination]
            domain = here.domains.known.get(vm)
            busy = vm in self._network.under_way or vm in self._network.broken
            if busy or domain is None or domain.power is not Power.RUNNING or vm in there.domains.known:
                return False
            for disk in here.domains.files(domain):
                volume = here.volumes.by_path(disk.path)
                stored = here.volumes.stored(disk.path)
                if volume is None or stored is None or volume.ref.name in there.pools[volume.ref.pool].volumes:
                    return False
                there.pools[volume.ref.pool].volumes[volume.ref.name] = stored
                del here.pools[volume.ref.pool].volumes[volume.ref.name]
                if keeps_definition:
                    old = FakeVolume(content=stored.content, over=stored.over)
                    here.pools[volume.ref.pool].volumes[volume.ref.name] = old
            there.domains.known[vm] = here.domains.known.pop(vm)
            if keeps_definition:
                here.domains.known[vm] = replace(domain, power=Power.SHUT_OFF, off=Off.LEFT, autostart=False)
            return True


def _broken(migration: FakeMigration) -> None:
    migration.over = True
    migration.error = refused(FailureKind.OTHER, f"{migration.request.vm}'s connection broke")


def _lose_one_end(migration: FakeMigration, dead: FakeHost) -> None:
    """The other end, when one of them has died: before the switch to post-copy the guest is at the source."""
    vm = migration.request.vm
    source, destination = migration.source.domains.known.get(vm), migration.destination.domains.known.get(vm)
    migration.over = True
    migration.error = refused(FailureKind.OTHER, f"one end of {vm}'s migration is gone")
    if migration.switched:
        _stands_still(destination if dead.machine is migration.source else source)
    elif dead.machine is migration.source:
        migration.destination.domains.known.pop(vm, None)
    elif source is not None:
        source.power = Power.RUNNING


def _stands_still(domain: FakeDomain | None) -> None:
    """Half of its memory is gone for ever."""
    if domain is not None:
        domain.power, domain.post_copy, domain.side = Power.PAUSED, True, MigrationSide.NONE
