"""What is inserted in the VMs of one host, through libvirt."""

from __future__ import annotations

import libvirt

from ferryman.fleet.libvirt_adapter.session import LibvirtSession
from ferryman.fleet.xml import drives
from ferryman.fleet.xml.drives import Medium


class LibvirtDrives:
    """`Drives` by libvirt."""

    def __init__(self, session: LibvirtSession) -> None:
        self._session = session

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


def _change(domain: libvirt.virDomain, medium: Medium, *, emptying: bool) -> None:
    """As `virsh change-media` does; without force, so that a guest that locked its drive is not cut off."""
    for disk, flag, there in (
        (medium.running, libvirt.VIR_DOMAIN_AFFECT_LIVE, domain.isActive()),
        (medium.defined, libvirt.VIR_DOMAIN_AFFECT_CONFIG, domain.isPersistent()),
    ):
        if disk and there:
            domain.updateDeviceFlags(drives.emptied(disk) if emptying else disk, flag)
