"""A fake host's VMs."""

from __future__ import annotations

from collections.abc import Mapping

from ferryman.fleet import domain_xml, drives, ownership
from ferryman.fleet.domain_xml import XmlDisk
from ferryman.fleet.drives import Medium
from ferryman.fleet.errors import FailureKind
from ferryman.fleet.fake.domain import FakeDomain, Shutdown, parsed
from ferryman.fleet.fake.faults import Faults, Operation, refused
from ferryman.fleet.fake.lifecycle import FakeLifecycle
from ferryman.fleet.fake.storage import FakeVolume, FakeVolumes
from ferryman.fleet.fake.violations import Violations
from ferryman.fleet.lifecycle import LifecycleEvent
from ferryman.fleet.machine_xml import machine_needs
from ferryman.fleet.ownership import Owner
from ferryman.fleet.values import DirtyRate, Disk, DomainDetail, MigrationSide, Power, VolumeRef


class FakeDomains:
    """`Domains` in memory."""

    def __init__(self, faults: Faults, volumes: FakeVolumes, violations: Violations, lifecycle: FakeLifecycle) -> None:
        self.events = lifecycle
        self.known: dict[str, FakeDomain] = {}
        self._faults = faults
        self._volumes = volumes
        self._violations = violations

    def inspect(self, vm: str) -> DomainDetail:
        """All that planning needs of one VM."""
        with self._faults.call(Operation.INSPECT, vm):
            domain = self.require(vm)
            return DomainDetail(
                domain=domain.described(),
                disks=tuple(self._disk(disk) for disk in domain_xml.disks(domain.xml)),
                interfaces=domain_xml.interfaces(domain.xml),
                autostart=domain.autostart,
                virtualization="kvm",
                machine=domain_xml.machine(domain.xml),
                xml=domain.xml,
                snapshots=domain.snapshots,
                host_devices=domain_xml.host_device_count(domain.xml),
                addresses=domain.addresses if domain.power is Power.RUNNING else (),
                needs=machine_needs(domain.xml),
                job=domain.job,
                owner=ownership.of_xml(domain.tag),
            )

    def power(self, vm: str) -> Power | None:
        """The VM's power state; None where the host knows no such VM."""
        with self._faults.call(Operation.POWER, vm):
            domain = self.known.get(vm)
            return None if domain is None else domain.power

    def lifecycle(self, uuid: str, since_ns: int) -> tuple[LifecycleEvent, ...]:
        """What the host told of this VM's guest since that moment."""
        return self.events.log.since(uuid, since_ns)

    def look(self) -> None:
        """Something may have changed here."""
        self.events.look(domain.described() for domain in self.known.values())

    def disk_paths(self) -> Mapping[str, frozenset[str]]:
        """By VM: every file that is a disk of it."""
        with self._faults.call(Operation.DISK_PATHS):
            return {name: domain_xml.paths(domain.xml) for name, domain in self.known.items()}

    def media(self, vm: str) -> tuple[Medium, ...]:
        """What is inserted in the VM's drives; here a running VM is as it is defined."""
        with self._faults.call(Operation.MEDIA, vm):
            domain = self.require(vm)
            running = "" if domain.power is Power.SHUT_OFF else domain.xml
            return drives.media(running, domain.xml if domain.persistent else "")

    def eject(self, vm: str, medium: Medium) -> None:
        """Empty the medium's drive. An empty drive is no error."""
        with self._faults.call(Operation.EJECT, vm):
            domain = self.require(vm)
            domain.xml = drives.replaced(domain.xml, drives.emptied(medium.running or medium.defined))

    def insert(self, vm: str, medium: Medium) -> None:
        """Put a medium back where it was. It being there is no error."""
        with self._faults.call(Operation.INSERT, vm):
            domain = self.require(vm)
            domain.xml = drives.replaced(domain.xml, medium.running or medium.defined)

    def dirty_rate(self, vm: str) -> DirtyRate | None:
        """How fast a running guest writes to its memory; takes no time here."""
        with self._faults.call(Operation.DIRTY_RATE, vm):
            domain = self.require(vm)
            written = domain.dirty_bytes_s if domain.power is Power.RUNNING else None
            return None if written is None else DirtyRate(bytes_s=written)

    def define(self, xml: str, *, autostart: bool) -> None:
        """Write a persistent definition."""
        domain = parsed(xml)
        with self._faults.call(Operation.DEFINE, domain.name):
            if any((other.name == domain.name) != (other.uuid == domain.uuid) for other in self.known.values()):
                raise refused(FailureKind.EXISTS, f"{domain.name}: its name or UUID is taken")
            domain = self.known.setdefault(domain.name, domain)
            domain.xml, domain.persistent, domain.autostart = xml, True, autostart

    def disarm(self, vm: str) -> None:
        """Switch autostart off. No such VM is no error."""
        with self._faults.call(Operation.DISARM, vm):
            if vm in self.known:
                self.known[vm].autostart = False

    def arm(self, vm: str) -> None:
        """Switch autostart on."""
        with self._faults.call(Operation.ARM, vm):
            domain = self.require(vm)
            if not domain.persistent:
                raise refused(FailureKind.OTHER, f"{vm} is transient and cannot be started with its host")
            domain.autostart = True

    def undefine(self, vm: str) -> None:
        """Remove the definition; a VM that runs becomes transient. No such VM is no error."""
        with self._faults.call(Operation.UNDEFINE, vm):
            if vm in self.known:
                self.known[vm].persistent = False
                self.known[vm].autostart = False
                self.forget_transient(vm)

    def tag(self, vm: str, owner: Owner) -> None:
        """Write into the VM's metadata who moves it."""
        with self._faults.call(Operation.TAG, vm):
            self.require(vm).tag = ownership.to_xml(owner)

    def untag(self, vm: str) -> None:
        """Take that away. No tag, or no such VM, is no error."""
        with self._faults.call(Operation.UNTAG, vm):
            if vm in self.known:
                self.known[vm].tag = ""

    def owner(self, vm: str) -> Owner | None:
        """Who moves it, by its metadata."""
        with self._faults.call(Operation.OWNER, vm):
            return ownership.of_xml(self.known[vm].tag) if vm in self.known else None

    def start(self, vm: str) -> None:
        """Power on."""
        with self._faults.call(Operation.START, vm):
            domain = self.require(vm)
            if domain.power is not Power.SHUT_OFF:
                raise refused(FailureKind.OTHER, f"{vm} is {domain.power} already")
            missing = [disk.path for disk in self.files(domain) if self._volumes.by_path(disk.path) is None]
            if missing:
                raise refused(FailureKind.OTHER, f"{vm}: cannot open {', '.join(missing)}")
            domain.power, domain.asked_to_power_off = Power.RUNNING, False

    def request_shutdown(self, vm: str) -> None:
        """Ask the guest to power itself off."""
        with self._faults.call(Operation.REQUEST_SHUTDOWN, vm):
            domain = self.require(vm)
            if domain.power is not Power.RUNNING:
                raise refused(FailureKind.OTHER, f"{vm} is not running")
            domain.asked_to_power_off = True
            if domain.shutdown is Shutdown.OBEYS:
                self.power_off(vm)

    def destroy(self, vm: str) -> None:
        """Power off without asking the guest. No such VM, or one that is off, is no error."""
        with self._faults.call(Operation.DESTROY, vm):
            if vm in self.known:
                if self.known[vm].power is Power.RUNNING:
                    self._violations.destroying_running(vm)
                self.power_off(vm)

    def suspend(self, vm: str) -> None:
        """Stop a running guest's vCPUs; its memory stays."""
        with self._faults.call(Operation.SUSPEND, vm):
            domain = self.require(vm)
            if domain.power is not Power.RUNNING:
                raise refused(FailureKind.OTHER, f"{vm} does not run")
            domain.power = Power.PAUSED

    def resume(self, vm: str) -> None:
        """Let a paused guest run."""
        with self._faults.call(Operation.RESUME, vm):
            domain = self.require(vm)
            if domain.power is not Power.PAUSED:
                raise refused(FailureKind.OTHER, f"{vm} is not paused")
            domain.power = Power.RUNNING

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

    def power_off(self, vm: str) -> None:
        """The guest, or its QEMU, ends."""
        domain = self.known[vm]
        domain.power, domain.side, domain.post_copy = Power.SHUT_OFF, MigrationSide.NONE, False
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
        return [disk for disk in domain_xml.disks(domain.xml) if disk.source_kind == "file" and disk.path]

    def _disk(self, disk: XmlDisk) -> Disk:
        by_ref = disk.source_kind == "volume"
        ref = VolumeRef(pool=disk.pool, name=disk.volume)
        volume = self._volumes.at(ref) if by_ref else self._volumes.by_path(disk.path)
        return Disk(
            target=disk.target,
            device=disk.device,
            source_kind=disk.source_kind,
            path=disk.path or (volume.path if volume else ""),
            format=disk.format,
            read_only=disk.read_only,
            shareable=disk.shareable,
            backing=disk.backing,
            volume=volume,
            cache=disk.cache,
            base=self._volumes.by_path(volume.over.path) if volume is not None and volume.over else None,
        )
