"""The VMs of one host, through libvirt."""

from __future__ import annotations

from collections.abc import Mapping

import libvirt

from ferryman.fleet import domain_xml, drives, ownership
from ferryman.fleet.addresses import told_addresses
from ferryman.fleet.domain_xml import XmlDisk
from ferryman.fleet.drives import Medium
from ferryman.fleet.libvirt_announcing import announce
from ferryman.fleet.libvirt_dirty_rate import measured_dirty_rate
from ferryman.fleet.libvirt_machine import job_of, needs_of
from ferryman.fleet.libvirt_reading import is_post_copy, migration_side, power_of
from ferryman.fleet.libvirt_session import LibvirtSession
from ferryman.fleet.libvirt_usage import paths_of
from ferryman.fleet.libvirt_volumes import volume_at, volume_by_path
from ferryman.fleet.lifecycle import LifecycleEvent
from ferryman.fleet.machine import IDLE
from ferryman.fleet.ownership import Owner
from ferryman.fleet.values import DirtyRate, Disk, Domain, DomainDetail, Power

_DEFINITION = libvirt.VIR_DOMAIN_XML_INACTIVE | libvirt.VIR_DOMAIN_XML_SECURE
_UNDEFINE = (
    # Not MANAGED_SAVE: a saved memory is never dropped; preflight refuses to move a VM that has one.
    libvirt.VIR_DOMAIN_UNDEFINE_KEEP_NVRAM
    | libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
    | libvirt.VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA
)
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
                    vcpus=domain.info()[3],
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
                snapshots=domain.snapshotNum() + len(domain.listAllCheckpoints()),
                managed_save=bool(domain.isPersistent() and domain.hasManagedSaveImage()),
                host_devices=domain_xml.host_device_count(current),
                addresses=_addresses(domain) if power is Power.RUNNING else (),
                needs=needs_of(connection, current),
                job=job_of(domain, current) if power is Power.RUNNING else IDLE,
                owner=ownership.of_domain(current),
            )

    def power(self, vm: str) -> Power | None:
        """The VM's power state; None where the host knows no such VM."""
        with self._session.connection(f"reading {vm}") as connection:
            domain = _find(connection, vm)
            return None if domain is None else power_of(domain.state()[0])

    def lifecycle(self, uuid: str, since_ns: int) -> tuple[LifecycleEvent, ...]:
        """What the host told of this VM's guest since that moment."""
        return self._session.lifecycle.since(uuid, since_ns)

    def disk_paths(self) -> Mapping[str, frozenset[str]]:
        """By VM, running or not: every file and device that is a disk of it, or that a disk is a layer over."""
        with self._session.connection("reading the VMs' disks") as connection:
            return {domain.name(): paths_of(connection, domain) for domain in connection.listAllDomains()}

    def media(self, vm: str) -> tuple[Medium, ...]:
        """What is inserted in the VM's CD-ROM and floppy drives, as it runs and as it is defined."""
        with self._session.connection(f"reading {vm}'s drives") as connection:
            domain = connection.lookupByName(vm)
            return drives.media(
                domain.XMLDesc() if domain.isActive() else "",
                domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE) if domain.isPersistent() else "",
            )

    def eject(self, vm: str, medium: Medium) -> None:
        """Empty the medium's drive, of the running VM and of its definition. An empty drive is no error."""
        with self._session.connection(f"ejecting {medium.path} from {vm}") as connection:
            _change(connection.lookupByName(vm), medium, emptying=True)

    def insert(self, vm: str, medium: Medium) -> None:
        """Put a medium back where it was. It being there is no error."""
        with self._session.connection(f"inserting {medium.path} into {vm}") as connection:
            _change(connection.lookupByName(vm), medium, emptying=False)

    def dirty_rate(self, vm: str) -> DirtyRate | None:
        """Watch for a second how fast a running guest writes to its memory."""
        with self._session.connection(f"measuring how fast {vm} writes") as connection:
            return measured_dirty_rate(connection, connection.lookupByName(vm))

    def define(self, xml: str, *, autostart: bool) -> None:
        """Write a persistent definition."""
        with self._session.connection("defining a VM") as connection:
            connection.defineXML(xml).setAutostart(int(autostart))

    def disarm(self, vm: str) -> None:
        """Switch autostart off. No such VM is no error."""
        with self._session.connection(f"switching off {vm}'s autostart") as connection:
            domain = _find(connection, vm)
            if domain is not None:
                domain.setAutostart(0)

    def arm(self, vm: str) -> None:
        """Switch autostart on."""
        with self._session.connection(f"switching on {vm}'s autostart") as connection:
            connection.lookupByName(vm).setAutostart(1)

    def undefine(self, vm: str) -> None:
        """Remove the definition; disks and NVRAM stay. No such VM is no error."""
        with self._session.connection(f"undefining {vm}") as connection:
            domain = _find(connection, vm)
            if domain is not None:
                domain.undefineFlags(_UNDEFINE)

    def tag(self, vm: str, owner: Owner) -> None:
        """Write into the VM's metadata who moves it; what was there is replaced."""
        with self._session.connection(f"tagging {vm}") as connection:
            _set_tag(connection.lookupByName(vm), ownership.to_xml(owner))

    def untag(self, vm: str) -> None:
        """Take that away. No tag, or no such VM, is no error."""
        with self._session.connection(f"untagging {vm}") as connection:
            domain = _find(connection, vm)
            if domain is not None:
                _set_tag(domain, None)

    def owner(self, vm: str) -> Owner | None:
        """Who moves it, by its metadata; None: nobody says so, or the host knows no such VM."""
        with self._session.connection(f"reading {vm}'s tag") as connection:
            domain = _find(connection, vm)
            return None if domain is None else ownership.of_domain(domain.XMLDesc())

    def start(self, vm: str) -> None:
        """Power on."""
        with self._session.connection(f"starting {vm}") as connection:
            connection.lookupByName(vm).create()

    def request_shutdown(self, vm: str) -> None:
        """Ask the guest to power itself off: by its agent where it has one, else, or where that is silent, by ACPI.

        libvirt waits for an agent: 5 s for one that says nothing, up to 60 s for one that is obeying.
        """
        with self._session.connection(f"shutting {vm} down") as connection:
            connection.lookupByName(vm).shutdown()

    def destroy(self, vm: str) -> None:
        """Power off without asking the guest. No such VM, or one that is off, is no error."""
        with self._session.connection(f"destroying {vm}") as connection:
            domain = _find(connection, vm)
            if domain is not None and domain.isActive():
                domain.destroy()

    def suspend(self, vm: str) -> None:
        """Stop a running guest's vCPUs; its memory stays."""
        with self._session.connection(f"suspending {vm}") as connection:
            connection.lookupByName(vm).suspend()

    def resume(self, vm: str) -> None:
        """Let a paused guest run."""
        with self._session.connection(f"resuming {vm}") as connection:
            connection.lookupByName(vm).resume()

    def announce(self, vm: str) -> None:
        """Have a running VM's network cards say where they are; libvirt then calls the VM tainted (custom-monitor)."""
        with self._session.connection(f"announcing {vm}") as connection:
            announce(self._session.host, connection.lookupByName(vm))


def _change(domain: libvirt.virDomain, medium: Medium, *, emptying: bool) -> None:
    """As `virsh change-media` does; without force, so that a guest that locked its drive is not cut off."""
    for disk, flag, there in (
        (medium.running, libvirt.VIR_DOMAIN_AFFECT_LIVE, domain.isActive()),
        (medium.defined, libvirt.VIR_DOMAIN_AFFECT_CONFIG, domain.isPersistent()),
    ):
        if disk and there:
            domain.updateDeviceFlags(drives.emptied(disk) if emptying else disk, flag)


def _set_tag(domain: libvirt.virDomain, tag: str | None) -> None:
    """Of the VM as it runs and as it is defined; None removes it."""
    flags = (libvirt.VIR_DOMAIN_AFFECT_LIVE if domain.isActive() else 0) | (
        libvirt.VIR_DOMAIN_AFFECT_CONFIG if domain.isPersistent() else 0
    )
    key = None if tag is None else ownership.KEY
    domain.setMetadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, tag, key, ownership.NAMESPACE, flags)


def _find(connection: libvirt.virConnect, vm: str) -> libvirt.virDomain | None:
    try:
        return connection.lookupByName(vm)
    except libvirt.libvirtError as error:
        if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN:
            return None
        raise


def _disk(connection: libvirt.virConnect, disk: XmlDisk) -> Disk:
    volume = volume_at(connection, disk) if disk.source_kind in ("file", "block", "volume") else None
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
        base=volume_by_path(connection, volume.over.path) if volume is not None and volume.over else None,
    )


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
