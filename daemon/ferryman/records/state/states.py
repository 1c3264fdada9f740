"""The states: what is so now of each VM, each host and the fleet. One TOML file each, rewritten as it changes.

Optional fields that are None are left out of the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ferryman.records.utc import UtcTime
from ferryman.specs.choices import Method


class ConditionType(StrEnum):
    """What can be said of a VM."""

    READY = "Ready"
    """It is where its spec wants it."""
    RECONCILING = "Reconciling"
    """It moves, waits to move, or will be tried again."""
    STALLED = "Stalled"
    """Nothing goes on until a person acts."""
    DRIFTED = "Drifted"
    """Somebody else moved it."""
    SUSPENDED = "Suspended"
    """Its spec says `suspend = true`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One statement about a VM, and since when it holds."""

    type: ConditionType
    reason: str
    """One CamelCase word for machines."""
    message: str
    remedy: str = ""
    since: UtcTime


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """Where ferryman last saw the VM converged: the middle of the three-way comparison that finds drift."""

    home: str
    """What the spec wanted then."""
    host: str
    """Where the VM was then: its home, or its refuge during an evacuation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LastMigration:
    """The newest audit record, in short."""

    id: str
    source: str
    destination: str
    method: Method
    outcome: str
    downtime_ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveStatistics:
    """Downtimes of one VM by one method from one host to one other, over its moves that succeeded; ms."""

    method: Method
    source: str
    destination: str
    count: int
    unmeasured: int
    """Of them: without a figure, or interrupted and so with a wide one; in none of these."""
    mean_ms: float | None = None
    deviation_ms: float | None = None
    """Standard deviation; None: of fewer than two."""
    median_ms: float | None = None
    """Exact up to 101 moves, then of a fair sample of as many."""
    lowest_ms: float | None = None
    highest_ms: float | None = None
    last_ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VmState:
    """`vms/NAME.toml`."""

    name: str
    host: str | None = None
    """Where it was observed; None: unknown or nowhere."""
    power: str | None = None
    observed_generation: str = ""
    """Blob id of the spec that the conditions speak of."""
    last_attempted_revision: str = ""
    last_applied_revision: str = ""
    placed: Placed | None = None
    conditions: tuple[Condition, ...] = ()
    last_migration: LastMigration | None = None
    downtimes: tuple[MoveStatistics, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecProblem:
    """One thing wrong with the specs."""

    place: str
    """FILE:LINE; empty where it is the source as a whole."""
    message: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetState:
    """`fleet.toml`: the specs in force, and what is wrong with the newest."""

    revision: str = ""
    """The revision in force; empty: none yet."""
    newest_revision: str = ""
    """The newest that was read; another than `revision` while it is held."""
    condition: Condition | None = None
    problems: tuple[SpecProblem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HostState:
    """`hosts/NAME.toml`. Nothing volatile: no free memory, no load."""

    name: str
    reachable: bool
    resting: bool = False
    """It failed again and again: it is called only now and then until it answers."""
    reason: str = ""
    remedy: str = ""
    maintenance: bool = False
    drained: bool = False
    """In maintenance, and observed empty of the fleet's VMs."""
    remaining: tuple[str, ...] = ()
    """In maintenance: VMs still there."""
    vms: tuple[str, ...] = ()
    """VMs of the fleet's specs that are there."""
