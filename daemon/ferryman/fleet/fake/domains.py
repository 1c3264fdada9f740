"""A fake host's VMs."""

from __future__ import annotations

from collections.abc import Mapping

from ferryman.fleet import ownership
from ferryman.fleet.errors import FailureKind
from ferryman.fleet.fake.domain import FakeDomain
from ferryman.fleet.fake.faults import Faults, Operation, refused
from ferryman.fleet.fake.lifecycle import FakeLifecycle
from ferryman.fleet.fake.storage import FakeVolume, FakeVolumes
from ferryman.fleet.lifecycle import LifecycleEvent
from ferryman.fleet.storage import Disk, VolumeRef
from ferryman.fleet.values import DirtyRate, DomainDetail, MigrationSide, Off, Power
from ferryman.fleet.xml import domain as domain_xml
from ferryman.fleet.xml.domain import XmlDisk
from ferryman.fleet.xml.live_obstacles import live_obstacles
from ferryman.fleet.xml.machine import machine_needs

_WATCHED_S = 4
"""As libvirt's adapter does it where a guest writes to the same pages again and again."""


class FakeDomains:
    """`Domains` in memory."""

    def __init__(self, faults: Faults, volumes: FakeVolumes, lifecycle: FakeLifecycle) -> None:
        self.events = lifecycle
        self.known: dict[str, FakeDomain] = {}
        self._faults = faults
        self._volumes = volumes

    def inspect(self, vm: str) -> DomainDetail:
        """All that planning needs of one VM."""
        with self._faults.call(Operation.INSPECT, vm):
            domain = self.require(vm)
            return DomainDetail(
                domain=domain.described(),
                disks=tuple(self._disk(disk) for disk in domain_xml.disks(domain.current_xml)),
                interfaces=domain_xml.interfaces(domain.current_xml),
                autostart=domain.autostart,
                virtualization="kvm",
                machine=domain_xml.machine(domain.current_xml),
                xml=domain.xml,
                snapshots=domain.snapshots,
                checkpoints=domain.checkpoints,
                host_devices=domain_xml.host_device_count(domain.current_xml),
                live_obstacles=live_obstacles(domain.current_xml),
                addresses=domain.addresses if domain.power is Power.RUNNING else (),
                needs=machine_needs(domain.current_xml),
                job=domain.job,
                owner=ownership.of_xml(domain.tag),
            )

    def lifecycle(self, uuid: str, since_ns: int) -> tuple[LifecycleEvent, ...]:
        """What the host told of this VM's guest since that moment."""
        return self.events.log.since(uuid, since_ns)

    def look(self) -> None:
        """Something may have changed here."""
        self.events.look(domain.described() for domain in self.known.values())

    def disk_paths(self) -> Mapping[str, frozenset[str]]:
        """By VM: every file that is a disk of it, or that a disk is a layer over."""
        with self._faults.call(Operation.DISK_PATHS):
            return self.paths_in_use()

    def paths_in_use(self) -> Mapping[str, frozenset[str]]:
        """`disk_paths`, without a call's frame."""
        return {name: self._paths(domain) for name, domain in self.known.items()}

    def _paths(self, domain: FakeDomain) -> frozenset[str]:
        xmls = (domain.xml, domain.current_xml)
        disks = [self._disk(disk) for xml in xmls for disk in domain_xml.disks(xml)]
        below = (disk.volume.over.path for disk in disks if disk.volume is not None and disk.volume.over)
        named = frozenset[str]().union(*(domain_xml.paths(xml) for xml in xmls))
        return named | {disk.path for disk in disks if disk.source_kind == "volume"} | set(below)

    def dirty_rate(self, vm: str) -> DirtyRate | None:
        """How fast a running guest writes to its memory; takes no time here."""
        with self._faults.call(Operation.DIRTY_RATE, vm):
            domain = self.require(vm)
            written, worked_on = domain.dirty_bytes_s, domain.working_set_bytes
            if written is None or domain.power is not Power.RUNNING:
                return None
            if worked_on is None:
                return DirtyRate(bytes_s=written)
            distinct = [min(worked_on, written * seconds) for seconds in (1, _WATCHED_S)]
            return DirtyRate(bytes_s=distinct[0], watched_bytes=distinct[1], watched_s=_WATCHED_S)

    def announce(self, vm: str) -> None:
        """Have a running VM's network cards say where they are."""
        with self._faults.call(Operation.ANNOUNCE, vm):
            domain = self.require(vm)
            if domain.power is not Power.RUNNING:
                raise refused(FailureKind.OTHER, f"{vm} does not run")
            domain.announced += 1

    def require(self, vm: str) -> FakeDomain:
        """The VM. Raises OperationFailedError where there is none."""
        if vm not in self.known:
            raise refused(FailureKind.NOT_FOUND, f"no domain {vm}")
        return self.known[vm]

    def power_off(self, vm: str, off: Off = Off.SHUT_DOWN) -> None:
        """The guest, or its QEMU, ends."""
        domain = self.known[vm]
        if domain.power is not Power.SHUT_OFF:
            domain.off = off
        domain.power, domain.side, domain.post_copy = Power.SHUT_OFF, MigrationSide.NONE, False
        domain.live_xml = ""
        self.forget_transient(vm)

    def forget_transient(self, vm: str) -> None:
        """A VM that is off and has no definition is gone."""
        domain = self.known[vm]
        if domain.power is Power.SHUT_OFF and not domain.persistent:
            del self.known[vm]

    def in_use(self) -> list[FakeVolume]:
        """The volumes that a running or paused VM holds open."""
        active = [domain for domain in self.known.values() if domain.power is not Power.SHUT_OFF]
        stored = [self._volumes.stored(disk.path) for domain in active for disk in self.files(domain)]
        return [volume for volume in stored if volume is not None]

    def files(self, domain: FakeDomain) -> list[XmlDisk]:
        """Its disks that lie in files of the host."""
        return [disk for disk in domain_xml.disks(domain.current_xml) if disk.source_kind == "file" and disk.path]

    def missing(self, domain: FakeDomain) -> list[str]:
        """The files among its disks that the host does not have."""
        return [disk.path for disk in self.files(domain) if self._volumes.by_path(disk.path) is None]

    def _disk(self, disk: XmlDisk) -> Disk:
        by_ref = disk.source_kind == "volume"
        ref = VolumeRef(pool=disk.pool, name=disk.volume)
        volume = self._volumes.at(ref) if by_ref else self._volumes.by_path(disk.path)
        over = self._volumes.by_path(volume.over.path) if volume is not None and volume.over else None
        return domain_xml.described(disk, volume, over)
