"""Fake hosts, and the fleet that they make up."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from uuid import NAMESPACE_DNS, uuid5

from ferryman.fleet.certificates import Certificates
from ferryman.fleet.errors import HostUnreachableError
from ferryman.fleet.fake.certificates import certificates_for
from ferryman.fleet.fake.definitions import FakeDefinitions
from ferryman.fleet.fake.domain import FakeDomain, Shutdown, parsed
from ferryman.fleet.fake.domains import FakeDomains
from ferryman.fleet.fake.drives import FakeDrives
from ferryman.fleet.fake.faults import Faults, Operation
from ferryman.fleet.fake.images import FakeImages
from ferryman.fleet.fake.lifecycle import FakeLifecycle
from ferryman.fleet.fake.machine import Machine
from ferryman.fleet.fake.machine_files import FakeMachineFiles
from ferryman.fleet.fake.migration import Breakage
from ferryman.fleet.fake.migrations import FakeMigrations
from ferryman.fleet.fake.network import Network
from ferryman.fleet.fake.owner_tags import FakeOwnerTags
from ferryman.fleet.fake.power import FakePower
from ferryman.fleet.fake.storage import FakePool, FakeVolume, FakeVolumes, Runs
from ferryman.fleet.fake.violations import Violations
from ferryman.fleet.fake.within import Within
from ferryman.fleet.host_facts import HostFacts, Peer
from ferryman.fleet.machine import Fit, MachineNeeds
from ferryman.fleet.migrating import Job, LiveMigration
from ferryman.fleet.storage import VolumeRef
from ferryman.fleet.survey import HostSurvey
from ferryman.fleet.values import HostDetail, HostReading, Off, Power
from ferryman.fleet.xml.domain import interfaces
from ferryman.specs.host_spec import HostSpec

DISK: Runs = (b"boot" * 128, 16 * 1024**2, b"data" * 256, 47 * 1024**2)
"""What a VM's disk holds unless a test says otherwise: mostly holes."""


class FakeHost:
    """`Hypervisor` in memory. What a test may change of it are its public attributes."""

    def __init__(self, spec: HostSpec, network: Network, violations: Violations) -> None:
        """Use `FakeFleet.add_host`."""
        self.name, self.spec = spec.name, spec
        self._network = network
        self.uuid = str(uuid5(NAMESPACE_DNS, spec.name))
        self.memory_mib = 16_384
        self.architecture = "x86_64"
        self.hypervisor_version = 7_002_000
        self.machines = frozenset({"pc", "pc-i440fx-7.2", "pc-q35-7.2"})
        self.bridges: frozenset[str] | None = frozenset({"kvmbr0"})
        self.networks = frozenset({"default"})
        self.idle_networks: frozenset[str] = frozenset()
        self.free_pages: dict[int, int] | None = {2048: 0}
        self.links: frozenset[str] | None = frozenset({"lo", "eth0"})
        """Beside the bridges."""
        self.certificates: Certificates | None = certificates_for(spec)
        self.pools: dict[str, FakePool] = {"vms": FakePool()}
        self.faults = Faults(spec.name, network.news, lambda: _look(network, violations))
        self.volumes = FakeVolumes(self.faults, self.pools, violations)
        self.domains = FakeDomains(self.faults, self.volumes, FakeLifecycle())
        self.power = FakePower(self.faults, self.domains, violations)
        self.definitions = FakeDefinitions(self.faults, self.domains)
        self.drives = FakeDrives(self.faults, self.domains)
        self.owner_tags = FakeOwnerTags(self.faults, self.domains)
        self.machine = Machine(
            name=spec.name,
            peer_uri=spec.effective_peer_uri,
            domains=self.domains,
            volumes=self.volumes,
            certificates=lambda: self.certificates,
            is_silent=lambda: self.faults.unreachable,
            reaches=lambda peer: peer not in self.within.unreached,
        )
        self.migrations = FakeMigrations(self.faults, self.machine, network)
        self.machine_files = FakeMachineFiles(self.faults)
        self.images = FakeImages(self.faults, self.machine, network.exports)
        self.within = Within()

    def read(self) -> HostReading:
        """The host and all its VMs."""
        with self.faults.call(Operation.READ):
            for domain in list(self.domains.known.values()):
                if domain.shutdown is Shutdown.LATE and domain.asked_to_power_off:
                    self.domains.power_off(domain.name)
            return self._reading()

    def describe(
        self, wanted: Collection[VolumeRef], images: Collection[str] = (), closely: Collection[VolumeRef] = ()
    ) -> HostDetail:
        """What planning needs of a destination, with the volumes of these names and paths as far as they exist."""
        with self.faults.call(Operation.DESCRIBE):
            usable = [ref for ref in wanted if ref.pool in self.pools and self.pools[ref.pool].active]
            found = {ref: self.volumes.at(ref, closely=ref in closely) for ref in usable}
            return HostDetail(
                reading=self._reading(),
                pools={name: pool.described(name) for name, pool in self.pools.items()},
                volumes={ref: volume for ref, volume in found.items() if volume is not None},
                disk_paths=self.domains.paths_in_use() if any(found.values()) else {},
                images={path: image for path in images if (image := self.volumes.by_path(path)) is not None},
                bridges=self.bridges,
                links=None if self.links is None else self.links | (self.bridges or frozenset()),
                networks=self.networks,
                idle_networks=self.idle_networks,
                machines=self.machines,
                free_pages=self.free_pages,
            )

    def fit(self, needs: MachineNeeds) -> Fit:
        """Whether this host has what a VM's QEMU needs."""
        with self.faults.call(Operation.FIT):
            return self.within.fit(needs)

    def facts(self, peers: Collection[Peer]) -> HostFacts:
        """What only a command on the host itself can tell."""
        with self.faults.call(Operation.FACTS):
            folders = sorted(pool.target_path for pool in self.pools.values() if pool.active)
            return self.within.facts(self.name, folders, [(peer, peer.uri in self._network.machines) for peer in peers])

    def survey(self) -> HostSurvey:
        """The host as it is compared with others of its fleet."""
        detail = self.describe(())
        with self.faults.call(Operation.SURVEY):
            domains = self.domains.known.values()
            attachments = {domain.name: interfaces(domain.current_xml) for domain in domains}
            return HostSurvey(detail=detail, cpu=self.within.cpu, attachments=attachments)

    def close(self) -> None:
        """Let go of the host."""

    def reboot(self) -> None:
        """The machine is switched off and on: only what is armed runs again."""
        for name in list(self.domains.known):
            self.domains.power_off(name)
        for domain in self.domains.known.values():
            domain.power = Power.RUNNING if domain.autostart else Power.SHUT_OFF
            domain.off = Off.UNKNOWN

    def add_vm(self, name: str, *, disk: Runs | None = DISK, running: bool = True, memory_mib: int = 96) -> FakeDomain:
        """Define a VM with a disk in the pool `vms`, or without one."""
        pool = self.pools["vms"]
        path = f"{pool.target_path}/{name}.img"
        if disk is not None:
            pool.volumes[f"{name}.img"] = FakeVolume(content=disk)
        domain = parsed(vm_xml(name, memory_mib=memory_mib, disk_path=path if disk is not None else None))
        domain.power = Power.RUNNING if running else Power.SHUT_OFF
        self.domains.known[name] = domain
        self.domains.events.know(one.described() for one in self.domains.known.values())
        return domain

    def _reading(self) -> HostReading:
        domains = {name: domain.described() for name, domain in self.domains.known.items()}
        return HostReading(
            host=self.name,
            hostname=self.name,
            uuid=self.uuid,
            libvirt_version=9_000_000,
            hypervisor_version=self.hypervisor_version,
            architecture=self.architecture,
            memory_mib=self.memory_mib,
            domains=domains,
            certificates=self.certificates,
        )


class FakeFleet:
    """Fake hosts that reach each other. `connect` is a `Connect`."""

    def __init__(self, *specs: HostSpec, news: threading.Condition | None = None) -> None:
        """`news`: what a call waits at, holding it once, until something happens in the fleet."""
        self.hosts: dict[str, FakeHost] = {}
        self.network = Network(news=news or threading.Condition(threading.RLock()))
        self._violations = Violations(self._running, self._volumes_in_use)
        for spec in specs:
            self.add_host(spec)

    @property
    def violations(self) -> list[str]:
        """The invariants that were broken so far, in words."""
        return self._violations.found

    def add_host(self, spec: HostSpec) -> FakeHost:
        """One more host, with a bridge, a pool and no VM."""
        host = FakeHost(spec, self.network, self._violations)
        self.hosts[spec.name] = host
        self.network.machines[spec.effective_peer_uri] = host.machine
        return host

    def connect(self, spec: HostSpec, _on_change: Callable[[], None]) -> FakeHost:
        """The host. Raises HostUnreachableError for one that was never added. Changes are seen only by looking."""
        if spec.name not in self.hosts:
            raise HostUnreachableError(f"{spec.name}: no such fake host", "Add it: FakeFleet.add_host.")
        return self.hosts[spec.name]

    def plan_jobs(self, vm: str, jobs: Sequence[Job]) -> None:
        """What the VM's next migration says at each look; it ends at the look after the last."""
        self.network.next_jobs[vm] = jobs

    def plan_breakage(self, vm: str, breakage: Breakage) -> None:
        """How the VM's next migration ends instead of well."""
        self.network.next_breakages[vm] = breakage

    def begin_migration(self, source: str, request: LiveMigration, through: HostSpec | None = None) -> None:
        """Begin one for which nobody waits, as the daemon is gone. `through`: it ends at `Accidents.daemon_dies`."""
        with self.network.news:
            self.network.begin(self.hosts[source].machine, request, through)

    def running(self, vm: str) -> tuple[str, ...]:
        """The hosts on which it runs."""
        return tuple(self._running().get(vm, ()))

    def defined(self, vm: str) -> tuple[str, ...]:
        """The hosts that have a definition of it."""
        return tuple(
            name for name, host in self.hosts.items() if vm in host.domains.known and host.domains.known[vm].persistent
        )

    def _running(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name, host in self.hosts.items():
            for domain in host.domains.known.values():
                if domain.power is Power.RUNNING:
                    found.setdefault(domain.name, []).append(name)
        return found

    def _volumes_in_use(self) -> list[FakeVolume]:
        return [volume for host in self.hosts.values() for volume in host.domains.in_use()]


def _look(network: Network, violations: Violations) -> None:
    """After each call to any of them."""
    violations.look()
    for machine in network.machines.values():
        machine.domains.look()


def vm_xml(name: str, *, memory_mib: int = 96, disk_path: str | None = None) -> str:
    """A definition with a disk, an interface on kvmbr0 and an agent that answers; its UUID follows from its name."""
    disk = (
        f"<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='{disk_path}'/>"
        "<target dev='vda' bus='virtio'/></disk>"
        if disk_path
        else ""
    )
    return (
        f"<domain type='kvm'><name>{name}</name><uuid>{uuid5(NAMESPACE_DNS, name)}</uuid>"
        f"<memory unit='MiB'>{memory_mib}</memory><vcpu>1</vcpu>"
        "<os><type arch='x86_64' machine='pc'>hvm</type></os>"
        f"<devices>{disk}<interface type='bridge'><mac address='52:54:00:00:00:01'/><source bridge='kvmbr0'/>"
        "</interface><channel type='unix'>"
        "<target type='virtio' name='org.qemu.guest_agent.0' state='connected'/></channel></devices></domain>"
    )
