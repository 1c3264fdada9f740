"""The VMs' definitions on one host, through libvirt."""

from __future__ import annotations

import libvirt

from ferryman.fleet.libvirt_adapter.reading import find_domain
from ferryman.fleet.libvirt_adapter.session import LibvirtSession

_UNDEFINE = (
    # Not MANAGED_SAVE: a saved memory is never dropped; preflight refuses to move a VM that has one.
    libvirt.VIR_DOMAIN_UNDEFINE_KEEP_NVRAM
    | libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
    | libvirt.VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA
)


class LibvirtDefinitions:
    """`Definitions` by libvirt."""

    def __init__(self, session: LibvirtSession) -> None:
        self._session = session

    def define(self, xml: str, *, autostart: bool) -> None:
        """Write a persistent definition."""
        with self._session.connection("defining a VM") as connection:
            connection.defineXML(xml).setAutostart(int(autostart))

    def undefine(self, vm: str) -> None:
        """Remove the definition; disks and NVRAM stay. No such VM is no error."""
        with self._session.connection(f"undefining {vm}") as connection:
            domain = find_domain(connection, vm)
            if domain is not None:
                domain.undefineFlags(_UNDEFINE)

    def arm(self, vm: str) -> None:
        """Switch autostart on."""
        with self._session.connection(f"switching on {vm}'s autostart") as connection:
            connection.lookupByName(vm).setAutostart(1)

    def disarm(self, vm: str) -> None:
        """Switch autostart off. No such VM is no error."""
        with self._session.connection(f"switching off {vm}'s autostart") as connection:
            domain = find_domain(connection, vm)
            if domain is not None:
                domain.setAutostart(0)
