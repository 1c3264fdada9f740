"""Who moves the VMs of one host, in their metadata, through libvirt."""

from __future__ import annotations

import libvirt

from ferryman.fleet import ownership
from ferryman.fleet.libvirt_adapter.reading import find_domain
from ferryman.fleet.libvirt_adapter.session import LibvirtSession
from ferryman.fleet.ownership import Owner


class LibvirtOwnerTags:
    """`OwnerTags` by libvirt."""

    def __init__(self, session: LibvirtSession) -> None:
        self._session = session

    def tag(self, vm: str, owner: Owner) -> None:
        """Write into the VM's metadata who moves it; what was there is replaced."""
        with self._session.connection(f"tagging {vm}") as connection:
            _set_tag(connection.lookupByName(vm), ownership.to_xml(owner))

    def untag(self, vm: str) -> None:
        """Take that away. No tag, or no such VM, is no error."""
        with self._session.connection(f"untagging {vm}") as connection:
            domain = find_domain(connection, vm)
            if domain is not None:
                _set_tag(domain, None)

    def owner(self, vm: str) -> Owner | None:
        """Who moves it, by its metadata; None: nobody says so, or the host knows no such VM."""
        with self._session.connection(f"reading {vm}'s tag") as connection:
            domain = find_domain(connection, vm)
            return None if domain is None else ownership.of_domain(domain.XMLDesc())


def _set_tag(domain: libvirt.virDomain, tag: str | None) -> None:
    """Of the VM as it runs and as it is defined; None removes it."""
    flags = (libvirt.VIR_DOMAIN_AFFECT_LIVE if domain.isActive() else 0) | (
        libvirt.VIR_DOMAIN_AFFECT_CONFIG if domain.isPersistent() else 0
    )
    key = None if tag is None else ownership.KEY
    domain.setMetadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, tag, key, ownership.NAMESPACE, flags)
