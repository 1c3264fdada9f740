"""Who moves a fake host's VMs."""

from __future__ import annotations

from ferryman.fleet import ownership
from ferryman.fleet.fake.domains import FakeDomains
from ferryman.fleet.fake.faults import Faults, Operation
from ferryman.fleet.ownership import Owner


class FakeOwnerTags:
    """`OwnerTags` in memory."""

    def __init__(self, faults: Faults, domains: FakeDomains) -> None:
        self._faults = faults
        self._domains = domains

    def tag(self, vm: str, owner: Owner) -> None:
        """Write into the VM's metadata who moves it."""
        with self._faults.call(Operation.TAG, vm):
            self._domains.require(vm).tag = ownership.to_xml(owner)

    def untag(self, vm: str) -> None:
        """Take that away. No tag, or no such VM, is no error."""
        with self._faults.call(Operation.UNTAG, vm):
            if vm in self._domains.known:
                self._domains.known[vm].tag = ""

    def owner(self, vm: str) -> Owner | None:
        """Who moves it, by its metadata."""
        with self._faults.call(Operation.OWNER, vm):
            return ownership.of_xml(self._domains.known[vm].tag) if vm in self._domains.known else None
