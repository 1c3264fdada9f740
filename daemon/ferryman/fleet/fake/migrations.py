"""A fake host's outgoing live migrations: steps that a look at the job drives, never a clock."""

from __future__ import annotations

from ferryman.fleet.errors import FailureKind
from ferryman.fleet.fake.faults import Faults, Operation, refused
from ferryman.fleet.fake.machine import Machine
from ferryman.fleet.fake.migration import FakeMigration
from ferryman.fleet.fake.network import Network
from ferryman.fleet.migrating import Job, JobPhase, LiveMigration
from ferryman.fleet.values import Power
from ferryman.specs.host_spec import HostSpec


class FakeMigrations:
    """`Migrations` in memory."""

    def __init__(self, faults: Faults, machine: Machine, network: Network) -> None:
        self._faults = faults
        self._machine = machine
        self._network = network

    def migrate(self, request: LiveMigration, through: HostSpec | None = None) -> None:
        """Migrate; returns when all planted jobs have been looked at, at once where none were planted."""
        with self._faults.call(Operation.MIGRATE, request.vm):
            self._machine.domains.require(request.vm)
            migration = self._network.begin(self._machine, request, through)
            if not migration.jobs:
                self._network.end(request.vm, FakeMigration.finish)
            self._network.news.wait_for(lambda: migration.over)
            if migration.error is not None:
                raise migration.error

    def job(self, vm: str) -> Job:
        """The migration job under way; the look after the last planted job is the end of it."""
        with self._faults.call(Operation.JOB, vm):
            migration = self._outgoing(vm)
            if migration is None:
                return Job(phase=JobPhase.POST_COPY_BROKEN if vm in self._network.broken else JobPhase.NONE)
            if migration.jobs:
                return migration.jobs.popleft()
            self._network.end(vm, FakeMigration.finish)
            return Job(phase=JobPhase.NONE)

    def start_post_copy(self, vm: str) -> None:
        """Let the guest run at the destination, its memory following."""
        with self._faults.call(Operation.START_POST_COPY, vm):
            migration = self._outgoing(vm)
            if migration is None:
                raise refused(FailureKind.OTHER, f"{vm} is not being migrated")
            migration.switch()

    def resume_post_copy(self, request: LiveMigration, through: HostSpec | None = None) -> None:
        """Take up a broken one; it ends well at once."""
        with self._faults.call(Operation.RESUME_POST_COPY, request.vm):
            self._network.destination(self._machine, request, through)
            migration = self._network.broken.get(request.vm)
            if migration is None or migration.source is not self._machine:
                raise refused(FailureKind.OTHER, f"{request.vm} has no broken migration")
            migration.resume()
            migration.finish()
            del self._network.broken[request.vm]

    def drop_incoming(self, vm: str) -> None:
        """Nothing hangs here."""
        with self._faults.call(Operation.DROP_INCOMING, vm):
            pass

    def completed_job(self, vm: str) -> Job | None:
        """The last finished job's figures."""
        with self._faults.call(Operation.COMPLETED_JOB, vm):
            domain = self._machine.domains.known.get(vm)
            return None if domain is None else domain.completed

    def set_max_downtime(self, vm: str, downtime_ms: int) -> None:
        """Limit the switch-over's pause."""
        with self._faults.call(Operation.SET_MAX_DOWNTIME, vm):
            domain = self._machine.domains.require(vm)
            if domain.power is not Power.RUNNING:
                raise refused(FailureKind.OTHER, f"{vm} is not running")
            domain.downtime_limits_ms.append(downtime_ms)

    def set_max_bandwidth(self, vm: str, mib_s: int) -> None:
        """Cap the speed."""
        with self._faults.call(Operation.SET_MAX_BANDWIDTH, vm):
            domain = self._machine.domains.require(vm)
            if domain.power is not Power.RUNNING:
                raise refused(FailureKind.OTHER, f"{vm} is not running")
            domain.caps_mib_s.append(mib_s)

    def abort(self, vm: str) -> None:
        """Cancel the job; the guest goes on at the source. No job is no error."""
        with self._faults.call(Operation.ABORT, vm):
            if self._outgoing(vm) is not None:
                self._network.end(vm, FakeMigration.cancel)

    def _outgoing(self, vm: str) -> FakeMigration | None:
        migration = self._network.under_way.get(vm)
        return migration if migration is not None and migration.source is self._machine else None
