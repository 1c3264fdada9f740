"""The VMs' definitions on a fake host."""

from __future__ import annotations

from ferryman.fleet.errors import FailureKind
from ferryman.fleet.fake.domain import parsed
from ferryman.fleet.fake.domains import FakeDomains
from ferryman.fleet.fake.faults import Faults, Operation, refused
from ferryman.fleet.values import Power


class FakeDefinitions:
    """`Definitions` in memory."""

    def __init__(self, faults: Faults, domains: FakeDomains) -> None:
        self._faults = faults
        self._domains = domains

    def define(self, xml: str, *, autostart: bool) -> None:
        """Write a persistent definition."""
        domain = parsed(xml)
        with self._faults.call(Operation.DEFINE, domain.name):
            known = self._domains.known
            if any((other.name == domain.name) != (other.uuid == domain.uuid) for other in known.values()):
                raise refused(FailureKind.EXISTS, f"{domain.name}: its name or UUID is taken")
            domain = known.setdefault(domain.name, domain)
            if domain.power is not Power.SHUT_OFF:
                domain.live_xml = domain.current_xml
            domain.xml, domain.persistent, domain.autostart = xml, True, autostart

    def undefine(self, vm: str) -> None:
        """Remove the definition; a VM that runs becomes transient. No such VM is no error."""
        with self._faults.call(Operation.UNDEFINE, vm):
            if vm in self._domains.known:
                self._domains.known[vm].persistent = False
                self._domains.known[vm].autostart = False
                self._domains.forget_transient(vm)

    def arm(self, vm: str) -> None:
        """Switch autostart on."""
        with self._faults.call(Operation.ARM, vm):
            domain = self._domains.require(vm)
            if not domain.persistent:
                raise refused(FailureKind.OTHER, f"{vm} is transient and cannot be started with its host")
            domain.autostart = True

    def disarm(self, vm: str) -> None:
        """Switch autostart off. No such VM is no error."""
        with self._faults.call(Operation.DISARM, vm):
            if vm in self._domains.known:
                self._domains.known[vm].autostart = False
