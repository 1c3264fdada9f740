"""What runs on one host and what does not, through libvirt."""

from __future__ import annotations

from ferryman.fleet.libvirt_adapter.reading import find_domain, power_of
from ferryman.fleet.libvirt_adapter.session import LibvirtSession
from ferryman.fleet.values import Power


class LibvirtPower:
    """`PowerControl` by libvirt."""

    def __init__(self, session: LibvirtSession) -> None:
        self._session = session

    def state(self, vm: str) -> Power | None:
        """The VM's power state; None where the host knows no such VM."""
        with self._session.connection(f"reading {vm}") as connection:
            domain = find_domain(connection, vm)
            return None if domain is None else power_of(domain.state()[0])

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
            domain = find_domain(connection, vm)
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
