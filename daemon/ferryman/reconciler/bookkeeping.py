"""What the state folder is to say after a look. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from ferryman.fleet.values import Domain, HostReading, Power, Snapshot, Unreachable
from ferryman.planning.decisions import UpToDate
from ferryman.reconciler.wanting import Wanted
from ferryman.records.audit.record import MigrationRecord, Outcome
from ferryman.records.state.conditions import InFlight, Status, conditions_for
from ferryman.records.state.states import (
    Condition,
    ConditionType,
    FleetState,
    HostState,
    LastMigration,
    MoveStatistics,
    Placed,
    SpecProblem,
    VmState,
)
from ferryman.specs.host_spec import HostSpec
from ferryman.specs.loading import Specs
from ferryman.specs.vm_spec import VmSpec


def vm_state(before: VmState, spec: VmSpec, specs: Specs, status: Status, snapshot: Snapshot, now: datetime) -> VmState:
    """A VM's state after a decision; nothing in it changes where nothing happened."""
    after = seen(before, status, snapshot, now)
    generation = specs.generations[spec.name]
    if isinstance(status, UpToDate):
        placed = Placed(home=spec.host, host=status.host)
        # Not at every revision: most say nothing new of this VM.
        if before.conditions != after.conditions or (placed, generation) != (before.placed, before.observed_generation):
            after = replace(after, placed=placed, last_applied_revision=specs.revision.id)
    if isinstance(status, InFlight) and status.revision:
        after = replace(after, last_attempted_revision=status.revision)
    return replace(after, observed_generation=generation)


def seen(before: VmState, status: Status, snapshot: Snapshot, now: datetime) -> VmState:
    """What is said of a VM, and where it is; while it moves, that is told when the move is over."""
    after = replace(before, conditions=conditions_for(status, before.conditions, now))
    return after if isinstance(status, InFlight) else _observed(after, snapshot)


def fleet_state(before: FleetState, wanted: Wanted, now: datetime) -> FleetState:
    """What the state says of the specs as a whole. A new revision alone, with nothing wrong, changes no condition."""
    in_force = wanted.specs.revision.id if wanted.specs else ""
    said = _about_specs(wanted, in_force, now)
    if before.condition and (before.condition.type, before.condition.reason) == (said.type, said.reason):
        said = replace(said, since=before.condition.since)
    return FleetState(
        revision=in_force,
        newest_revision=wanted.newest_revision,
        condition=said,
        problems=tuple(
            SpecProblem(place=problem.place, message=problem.message, remedy=problem.remedy)
            for problem in wanted.problems
        ),
    )


def _about_specs(wanted: Wanted, in_force: str, now: datetime) -> Condition:
    in_force_still = f"revision {in_force[:10]} stays in force" if in_force else "no revision is in force"
    if not wanted.problems:
        return Condition(type=ConditionType.READY, reason="InForce", message="the specs are in force", since=now)
    first = wanted.problems[0]
    if wanted.unreadable:
        return Condition(
            type=ConditionType.STALLED,
            reason="SourceUnreadable",
            message=f"{first.message}; {in_force_still}",
            remedy=first.remedy,
            since=now,
        )
    held = wanted.newest_revision != in_force
    return Condition(
        type=ConditionType.STALLED,
        reason="RevisionHeld" if held else "InvalidSpecs",
        message=f"revision {wanted.newest_revision[:10]} is held as a whole; {in_force_still}"
        if held
        else "some specs are invalid; their last good content stays in force, the others are applied",
        remedy="Mend the problems listed, and commit.",
        since=now,
    )


def with_record(before: VmState, record: MigrationRecord, downtimes: Sequence[MoveStatistics]) -> VmState:
    """The state after an attempt ended; `downtimes` are this VM's, this one included."""
    last = LastMigration(
        id=record.id,
        source=record.source,
        destination=record.destination,
        method=record.method,
        outcome=record.outcome,
        downtime_ms=record.measurement.downtime_ms,
    )
    arrived = record.outcome is Outcome.SUCCEEDED
    # Ours, so no drift: also where the spec has changed again meanwhile.
    placed = Placed(home=record.home, host=record.destination) if arrived else before.placed
    host = record.destination if arrived else before.host
    return replace(before, host=host, last_migration=last, downtimes=tuple(downtimes), placed=placed)


def untold(
    newest: Iterable[MigrationRecord], records: Iterable[MigrationRecord], states: Mapping[str, VmState]
) -> list[MigrationRecord]:
    """Of the newest records those that the states of their VMs do not know of: these go by an earlier one, or none."""
    numbers = {record.id: record.number for record in records}
    last = {vm: state.last_migration for vm, state in states.items()}
    known = {vm: numbers.get(one.id, 0) for vm, one in last.items() if one is not None}
    return [record for record in newest if record.number > known.get(record.vm, -1)]


def host_state(before: HostState | None, spec: HostSpec, specs: Specs, snapshot: Snapshot, *, busy: bool) -> HostState:
    """A host's state. `busy`: a move under way leaves or reaches it; where its VMs are is told when that is over."""
    reading = snapshot.hosts[spec.name]
    if isinstance(reading, Unreachable):
        return HostState(
            name=spec.name,
            reachable=False,
            resting=reading.resting,
            reason=reading.reason,
            remedy=reading.remedy,
            maintenance=spec.maintenance,
        )
    remaining = _remaining(reading, specs) if spec.maintenance else ()
    after = HostState(
        name=spec.name,
        reachable=True,
        maintenance=spec.maintenance,
        drained=spec.maintenance and not remaining and not busy,
        remaining=remaining,
        vms=tuple(sorted(reading.domains.keys() & specs.vms.keys())),
    )
    same_kind = before is not None and before.reachable and before.maintenance == spec.maintenance
    return before if busy and before is not None and same_kind else after


def _remaining(reading: HostReading, specs: Specs) -> tuple[str, ...]:
    """What stands against switching the host off: every VM of the specs, and whatever else runs there."""
    return tuple(
        name if name in specs.vms else f"{name} (not in the specs)"
        for name, domain in sorted(reading.domains.items())
        if name in specs.vms or domain.power is not Power.SHUT_OFF
    )


def _observed(state: VmState, snapshot: Snapshot) -> VmState:
    """Where the VM is. Unreachable is not absent: what was last seen stays while a host cannot be read."""
    holders = snapshot.holders(state.name)
    if not holders:
        return state if snapshot.unreachable() else replace(state, host=None, power=None)
    host, domain = _main(holders)
    return replace(state, host=host, power=domain.power.value)


def _main(holders: Mapping[str, Domain]) -> tuple[str, Domain]:
    """The running copy, where there are several definitions."""
    return min(holders.items(), key=lambda held: (held[1].power is not Power.RUNNING, held[0]))
