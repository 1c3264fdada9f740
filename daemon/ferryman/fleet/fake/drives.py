"""What is inserted in a fake host's VMs."""

from __future__ import annotations

from ferryman.fleet.fake.domain import FakeDomain
from ferryman.fleet.fake.domains import FakeDomains
from ferryman.fleet.fake.faults import Faults, Operation
from ferryman.fleet.values import Power
from ferryman.fleet.xml import drives
from ferryman.fleet.xml.drives import Medium


class FakeDrives:
    """`Drives` in memory."""

    def __init__(self, faults: Faults, domains: FakeDomains) -> None:
        self._faults = faults
        self._domains = domains

    def media(self, vm: str) -> tuple[Medium, ...]:
        """What is inserted in the VM's drives, as it runs and as it is defined."""
        with self._faults.call(Operation.MEDIA, vm):
            domain = self._domains.require(vm)
            running = "" if domain.power is Power.SHUT_OFF else domain.current_xml
            return drives.media(running, domain.xml if domain.persistent else "")

    def eject(self, vm: str, medium: Medium) -> None:
        """Empty the medium's drive. An empty drive is no error."""
        with self._faults.call(Operation.EJECT, vm):
            domain = self._domains.require(vm)
            _replace(domain, drives.emptied(medium.running or medium.defined))

    def insert(self, vm: str, medium: Medium) -> None:
        """Put a medium back where it was. It being there is no error."""
        with self._faults.call(Operation.INSERT, vm):
            domain = self._domains.require(vm)
            if medium.running and domain.live_xml:
                domain.live_xml = drives.replaced(domain.live_xml, medium.running)
            if medium.defined or not domain.live_xml:
                domain.xml = drives.replaced(domain.xml, medium.defined or medium.running)


def _replace(domain: FakeDomain, disk_xml: str) -> None:
    domain.xml = drives.replaced(domain.xml, disk_xml)
    if domain.live_xml:
        domain.live_xml = drives.replaced(domain.live_xml, disk_xml)
