"""What runs on a fake host."""

from __future__ import annotations

from ferryman.fleet.errors import FailureKind
from ferryman.fleet.fake.domain import Shutdown
from ferryman.fleet.fake.domains import FakeDomains
from ferryman.fleet.fake.faults import Faults, Operation, refused
from ferryman.fleet.fake.violations import Violations
from ferryman.fleet.values import Off, Power


class FakePower:
    """`PowerControl` in memory."""

    def __init__(self, faults: Faults, domains: FakeDomains, violations: Violations) -> None:
        self._faults = faults
        self._domains = domains
        self._violations = violations

    def state(self, vm: str) -> Power | None:
        """The VM's power state; None where the host knows no such VM."""
        with self._faults.call(Operation.POWER, vm):
            domain = self._domains.known.get(vm)
            return None if domain is None else domain.power

    def start(self, vm: str) -> None:
        """Power on."""
        with self._faults.call(Operation.START, vm):
            domain = self._domains.require(vm)
            if domain.power is not Power.SHUT_OFF:
                raise refused(FailureKind.OTHER, f"{vm} is {domain.power} already")
            missing = self._domains.missing(domain)
            if missing:
                raise refused(FailureKind.OTHER, f"{vm}: cannot open {', '.join(missing)}")
            domain.power, domain.asked_to_power_off = Power.RUNNING, False

    def request_shutdown(self, vm: str) -> None:
        """Ask the guest to power itself off."""
        with self._faults.call(Operation.REQUEST_SHUTDOWN, vm):
            domain = self._domains.require(vm)
            if domain.power is not Power.RUNNING:
                raise refused(FailureKind.OTHER, f"{vm} is not running")
            domain.asked_to_power_off = True
            if domain.shutdown is Shutdown.OBEYS:
                self._domains.power_off(vm)

    def destroy(self, vm: str) -> None:
        """Power off without asking the guest. No such VM, or one that is off, is no error."""
        with self._faults.call(Operation.DESTROY, vm):
            if vm in self._domains.known:
                if self._domains.known[vm].power is Power.RUNNING:
                    self._violations.destroying_running(vm)
                self._domains.power_off(vm, Off.ENDED)

    def suspend(self, vm: str) -> None:
        """Stop a running guest's vCPUs; its memory stays."""
        with self._faults.call(Operation.SUSPEND, vm):
            domain = self._domains.require(vm)
            if domain.power is not Power.RUNNING:
                raise refused(FailureKind.OTHER, f"{vm} does not run")
            domain.power = Power.PAUSED

    def resume(self, vm: str) -> None:
        """Let a paused guest run."""
        with self._faults.call(Operation.RESUME, vm):
            domain = self._domains.require(vm)
            if domain.power is not Power.PAUSED:
                raise refused(FailureKind.OTHER, f"{vm} is not paused")
            domain.power = Power.RUNNING
