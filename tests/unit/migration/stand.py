"""A fake fleet with a VM, a clock of its own, and a move about to begin."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ferryman.fleet.fake.hosts import FakeFleet, FakeHost
from ferryman.fleet.fake.storage import FakeVolume
from ferryman.fleet.migrating import LiveMigration
from ferryman.fleet.ownership import Identity
from ferryman.fleet.values import Snapshot
from ferryman.migration.attempt import Services
from ferryman.migration.host_pair import HostPair
from ferryman.migration.order import Order
from ferryman.planning.aiming import Aim, aim
from ferryman.planning.arriving import storage_at
from ferryman.planning.chains import base_paths
from ferryman.planning.placement import Fleet
from ferryman.planning.planning import plan
from ferryman.planning.plans import Plan
from ferryman.planning.preflight import ReadEnds
from ferryman.planning.storage import destination_refs, given_up_refs
from ferryman.records.audit.record import CauseRecord, VolumeAt
from ferryman.records.journal.entry import JournalEntry, Step
from ferryman.records.journal.journal import Journal
from ferryman.records.progress_files import Progress
from ferryman.specs.choices import Method
from ferryman.specs.host_spec import HostSpec
from ferryman.specs.vm_spec import ColdSpec, ProbeSpec, StorageSpec, VmSpec

VM = "guest-01"
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
_NS_PER_S = 1_000_000_000


class FakeClock:
    """A clock that only moves when it is told to, or when somebody waits."""

    def __init__(self) -> None:
        self.passed_ns = 0

    def now(self) -> datetime:
        return NOON + timedelta(microseconds=self.passed_ns / 1000)

    def monotonic_ns(self) -> int:
        return self.passed_ns


class FakeStop(threading.Event):
    """A daemon's stop signal; waiting for it takes the clock's time and no other."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self._clock = clock
        self.waits_until_set: int | None = None
        """The daemon is stopped during this wait, counted down."""

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None, "nobody would ever wake this thread"
        self._clock.passed_ns += int(timeout * _NS_PER_S)
        assert self._clock.passed_ns < 3600 * _NS_PER_S, "waits for ever"
        if self.waits_until_set is not None:
            self.waits_until_set -= 1
            if self.waits_until_set <= 0:
                self.set()
        return self.is_set()


@dataclass(slots=True)
class Stand:
    """Two hosts, tallinn and skopje, and a state folder."""

    folder: Path
    scheme: str = "qemu+ssh"
    clock: FakeClock = field(default_factory=FakeClock)
    shown: list[Progress] = field(default_factory=list)
    me: Identity | None = None
    """The daemon, as VMs are tagged with it."""
    fleet: FakeFleet = field(init=False)
    stop: FakeStop = field(init=False)
    specs: dict[str, HostSpec] = field(init=False)

    def __post_init__(self) -> None:
        self.specs = {name: HostSpec(name=name, uri=f"{self.scheme}://{name}/system") for name in ("tallinn", "skopje")}
        self.fleet = FakeFleet(*self.specs.values())
        self.stop = FakeStop(self.clock)

    @property
    def source(self) -> FakeHost:
        return self.fleet.hosts["tallinn"]

    @property
    def destination(self) -> FakeHost:
        return self.fleet.hosts["skopje"]

    @property
    def journal(self) -> Journal:
        return Journal(self.folder)

    def services(self) -> Services:
        return Services(
            ends=HostPair(
                source=self.source,
                destination=self.destination,
                others=tuple(host for name, host in self.fleet.hosts.items() if name not in self.specs),
            ),
            journal=self.journal,
            clock=self.clock,
            stop=self.stop,
            show=self.shown.append,
            me=self.me,
        )

    def order(
        self,
        method: Method,
        *,
        probe: ProbeSpec | None = None,
        settle_ms: int = 0,
        cold: ColdSpec | None = None,
        storage: StorageSpec | None = None,
        eject_cdrom: bool = False,
    ) -> Order:
        """The move that planning makes of the fleet as it is."""
        spec = VmSpec(
            name=VM,
            host="skopje",
            method=method,
            cold=cold or ColdSpec(shutdown_timeout_s=20),
            probe=probe or ProbeSpec(),
            storage=storage or StorageSpec(),
            eject_cdrom=eject_cdrom,
        )
        decided = self._planned(spec)
        return Order(
            id="20261123T120000Z-guest-01-3f2a",
            plan=decided,
            spec=spec,
            vm=self.source.domains.inspect(VM),
            source=self.specs["tallinn"],
            destination=self.specs["skopje"],
            cause=CauseRecord(kind=decided.cause, revision="3f2a0c1d"),
            attempt=1,
            settle_ms=settle_ms,
        )

    def left_open(self, method: Method, step: Step) -> JournalEntry:
        """The journal entry of an earlier daemon, which had come as far as this; its volume is at the destination."""
        order = self.order(method)
        decided = order.plan
        volume = VolumeAt(host="skopje", pool="vms", name=f"{VM}.img")
        self.destination.pools["vms"].volumes[volume.name] = FakeVolume(content=(64 * 1024**2,))
        entry = JournalEntry(
            id=order.id,
            vm=VM,
            uuid=decided.uuid,
            source="tallinn",
            destination="skopje",
            method=method,
            running=decided.running,
            step=step,
            why=decided.why,
            cause=order.cause,
            attempt=1,
            started_at=NOON,
            autostart=decided.autostart,
            request=None if method is Method.COLD or step is Step.PREPARING else self.request(),
            created=(volume,),
            source_volumes=(replace(volume, host="tallinn"),),
        )
        self.journal.write(entry)
        return entry

    def request(self) -> LiveMigration:
        """What a live migration of the VM is asked to do."""
        spec = self.specs["skopje"]
        return LiveMigration(vm=VM, peer_uri=spec.effective_peer_uri, data_uri="tcp://skopje", copied_disks=("vda",))

    def volumes_at_destination(self) -> set[str]:
        return set(self.destination.pools["vms"].volumes)

    def _planned(self, spec: VmSpec) -> Plan:
        fleet = Fleet(hosts=self.specs)
        snapshot = Snapshot(hosts={name: host.read() for name, host in self.fleet.hosts.items()})
        aimed = aim(spec, fleet, snapshot, None)
        assert isinstance(aimed, Aim), aimed
        detail = self.source.domains.inspect(VM)
        storage = storage_at(spec.storage, self.specs["skopje"].arrivals)
        there = self.destination.describe(
            destination_refs(detail, storage), base_paths(detail), given_up_refs(detail, storage)
        )
        ends = ReadEnds(vm=detail, source=self.source.read(), destination=there)
        decided = plan(aimed, spec, fleet, ends, {})
        assert isinstance(decided, Plan), decided
        return decided
