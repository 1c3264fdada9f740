"""A fake host's VM: what there is to know of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from xml.etree import ElementTree as ET

from ferryman.fleet import machine
from ferryman.fleet.errors import FailureKind
from ferryman.fleet.fake.faults import refused
from ferryman.fleet.migrating import Job
from ferryman.fleet.values import Domain, MigrationSide, Off, Power


class Shutdown(StrEnum):
    """What a guest makes of being asked to power itself off."""

    OBEYS = "obeys"
    IGNORES = "ignores"
    LATE = "late"
    """It does so when its host is next read as a whole."""


@dataclass(slots=True, kw_only=True)
class FakeDomain:
    """A VM on one host."""

    name: str
    uuid: str
    memory_mib: int
    xml: str
    """Its definition."""
    live_xml: str = ""
    """What runs, where that is not as it is defined; empty: it is."""
    power: Power = Power.SHUT_OFF
    off: Off = Off.UNKNOWN
    """Counts only while it is off."""
    persistent: bool = True
    autostart: bool = False
    side: MigrationSide = MigrationSide.NONE
    post_copy: bool = False
    shutdown: Shutdown = Shutdown.OBEYS
    asked_to_power_off: bool = False
    snapshots: int = 0
    checkpoints: int = 0
    job: machine.DomainJob = machine.IDLE
    addresses: tuple[str, ...] = ()
    completed: Job | None = None
    dirty_bytes_s: int | None = 0
    """How fast its guest writes; None: this hypervisor cannot tell."""
    working_set_bytes: int | None = None
    """It writes to these again and again; None: always to others."""
    tag: str = ""
    """Who moves it, as its metadata have it."""
    downtime_limits_ms: list[int] = field(default_factory=list)
    caps_mib_s: list[int] = field(default_factory=list)
    announced: int = 0
    """How often its place was announced."""

    @property
    def current_xml(self) -> str:
        """What runs; of a VM that is off, what is defined."""
        return self.live_xml or self.xml

    def described(self) -> Domain:
        """As its host lists it."""
        return Domain(
            name=self.name,
            uuid=self.uuid,
            power=self.power,
            memory_mib=self.memory_mib,
            persistent=self.persistent,
            migration_side=self.side,
            post_copy=self.post_copy,
            off=self.off if self.power is Power.SHUT_OFF else Off.UNKNOWN,
        )


def parsed(xml: str) -> FakeDomain:
    """A VM as its definition tells it, shut off. Raises OperationFailedError for one without name or UUID."""
    root = ET.fromstring(xml)
    name, uuid, memory = root.findtext("name"), root.findtext("uuid"), root.find("memory")
    if not name or not uuid or memory is None or memory.get("unit") != "MiB":
        raise refused(FailureKind.OTHER, "a definition needs name, UUID and memory in MiB")
    return FakeDomain(name=name, uuid=uuid, memory_mib=int(memory.text or ""), xml=xml)
