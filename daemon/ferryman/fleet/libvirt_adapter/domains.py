"""The VMs of one host as they are, through libvirt."""

from __future__ import annotations

from collections.abc import Mapping

import libvirt

from ferryman.fleet import ownership
from ferryman.fleet.addresses import told_addresses
from ferryman.fleet.libvirt_adapter.announcing import announce
from ferryman.fleet.libvirt_adapter.dirty_rate import measured_dirty_rate
from ferryman.fleet.libvirt_adapter.machine import job_of, needs_of
from ferryman.fleet.libvirt_adapter.reading import is_post_copy, migration_side, power_of
from ferryman.fleet.libvirt_adapter.session import LibvirtSession
from ferryman.fleet.libvirt_adapter.usage import paths_of
from ferryman.fleet.libvirt_adapter.volumes import volume_at, volume_by_path
from ferryman.fleet.lifecycle import LifecycleEvent
from ferryman.fleet.machine import IDLE
from ferryman.fleet.storage import Disk
from ferryman.fleet.values import DirtyRate, Domain, DomainDetail, Power
from ferryman.fleet.xml import domain as domain_xml
from ferryman.fleet.xml.domain import XmlDisk
from ferryman.fleet.xml.live_obstacles import live_obstacles

_DEFINITION = libvirt.VIR_DOMAIN_XML_INACTIVE | libvirt.VIR_DOMAIN_XML_SECURE
_ADDRESS_SOURCES = (
    libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_AGENT,
    libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_LEASE,
    libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_ARP,
)


class LibvirtDomains:
    """`Domains` by libvirt."""

    def __init__(self, session: LibvirtSession) -> None:
        self._session = session

    def inspect(self, vm: str) -> DomainDetail:
        """All that planning needs of one VM."""
        with self._session.connection(f"reading {vm}") as connection:
            domain = connection.lookupByName(vm)
            current = domain.XMLDesc()
            definition = domain.XMLDesc(_DEFINITION)
            state, reason = domain.state()
            power = power_of(state)
            return DomainDetail(
                domain=Domain(
                    name=vm,
                    uuid=domain.UUIDString(),
                    power=power,
                    memory_mib=domain.maxMemory() // 1024,
                    persistent=bool(domain.isPersistent()),
                    migration_side=migration_side(domain),
                    post_copy=is_post_copy(state, reason),
                ),
                disks=tuple(_disk(connection, disk) for disk in domain_xml.disks(current)),
                interfaces=domain_xml.interfaces(current),
                autostart=bool(domain.isPersistent() and domain.autostart()),
                machine=domain_xml.machine(current),
                virtualization=domain_xml.virtualization(current),
                xml=definition,
                snapshots=domain.snapshotNum(),
                checkpoints=len(domain.listAllCheckpoints()),
                managed_save=bool(domain.isPersistent() and domain.hasManagedSaveImage()),
                host_devices=domain_xml.host_device_count(current),
                live_obstacles=live_obstacles(current),
                addresses=_addresses(domain) if power is Power.RUNNING else (),
                needs=needs_of(connection, current),
                job=job_of(domain, current) if power is Power.RUNNING else IDLE,
                owner=ownership.of_domain(current),
            )

    def lifecycle(self, uuid: str, since_ns: int) -> tuple[LifecycleEvent, ...]:
        """What the host told of this VM's guest since that moment."""
        return self._session.lifecycle.since(uuid, since_ns)

    def disk_paths(self) -> Mapping[str, frozenset[str]]:
        """By VM, running or not: every file and device that is a disk of it, or that a disk is a layer over."""
        with self._session.connection("reading the VMs' disks") as connection:
            return {domain.name(): paths_of(connection, domain) for domain in connection.listAllDomains()}

    def dirty_rate(self, vm: str) -> DirtyRate | None:
        """Watch for some seconds how fast a running guest writes to its memory."""
        with self._session.connection(f"measuring how fast {vm} writes") as connection:
            return measured_dirty_rate(connection, connection.lookupByName(vm))

    def announce(self, vm: str) -> None:
        """Have a running VM's network cards say where they are; libvirt then calls the VM tainted (custom-monitor)."""
        with self._session.connection(f"announcing {vm}") as connection:
            announce(self._session.host, connection.lookupByName(vm))


def _disk(connection: libvirt.virConnect, disk: XmlDisk) -> Disk:
    volume = volume_at(connection, disk) if disk.source_kind in ("file", "block", "volume") else None
    over = volume_by_path(connection, volume.over.path) if volume is not None and volume.over else None
    return domain_xml.described(disk, volume, over)


def _addresses(domain: libvirt.virDomain) -> tuple[str, ...]:
    """IP addresses, best source first; a source that does not answer is passed over."""
    found: list[str] = []
    for source in _ADDRESS_SOURCES:
        try:
            interfaces = domain.interfaceAddresses(source)
        except libvirt.libvirtError:
            continue  # no agent, no lease file: the next source
        for name, interface in interfaces.items():
            if name != "lo":
                found += [address["addr"] for address in interface["addrs"] or ()]
    return told_addresses(found)
