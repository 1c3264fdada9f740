"""What both ends of a move say of its VM, as the recovery table wants to know it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import assert_never

from ferryman.fleet.deadlines import begin
from ferryman.fleet.errors import FleetError
from ferryman.fleet.hypervisor import Hypervisor
from ferryman.fleet.migrating import JobPhase
from ferryman.fleet.values import Domain, MigrationSide, Off, Power
from ferryman.migration.host_pair import HostPair
from ferryman.migration.settling.ends import End, Seen
from ferryman.migration.working import Work
from ferryman.records.journal.entry import JournalEntry

_ANSWERS_WITHIN_S = 2.0
"""All other hosts together: the VM may be down meanwhile."""
_LOOK_EVERY_S = 0.1


def look(ends: HostPair, entry: JournalEntry) -> Seen:
    """Both ends; whatever cannot be read is unreachable, and so is a host whose name another machine bears now.

    In this order: the job first, then the source, then the destination. A migration that ends between two of the
    questions then never looks like a VM that runs twice.
    """
    here = there = None
    swapped = []
    try:
        job = ends.source.migrations.job(entry.vm).phase not in (JobPhase.NONE, JobPhase.POST_COPY_BROKEN)
        here = _domain(ends.source, entry.uuid, entry.source_machine)
        source = _source_end(here)
    except FleetError as error:
        swapped += [ends.source.name] * isinstance(error, _AnotherMachineError)
        job, source = False, End.UNREACHABLE
    try:
        there = _domain(ends.destination, entry.uuid, entry.destination_machine)
        destination = _destination_end(there)
    except FleetError as error:
        swapped += [ends.destination.name] * isinstance(error, _AnotherMachineError)
        destination = End.UNREACHABLE
    return Seen(
        source=source,
        destination=destination,
        job=job,
        swapped=tuple(swapped),
        source_off=here.off if here else Off.UNKNOWN,
        destination_off=there.off if there else Off.UNKNOWN,
    )


def look_around(seen: Seen, ends: HostPair, uuid: str, work: Work) -> Seen:
    """What all other hosts say of the VM, too: before it is let run at one of its ends."""
    active: dict[str, bool] = {}

    def ask(host: Hypervisor) -> None:
        domain = _domain(host, uuid)
        active[host.name] = domain is not None and domain.power not in (Power.SHUT_OFF, Power.CRASHED)

    calls = [begin(f"ask {host.name}", partial(ask, host), work.begin) for host in ends.others]
    any(work.wait(calls, _LOOK_EVERY_S) for _ in range(int(_ANSWERS_WITHIN_S / _LOOK_EVERY_S)))
    answered = dict(active)
    return replace(
        seen,
        elsewhere=tuple(sorted(name for name, runs in answered.items() if runs)),
        unread=tuple(sorted(host.name for host in ends.others if host.name not in answered)),
    )


def has_left(host: Hypervisor, uuid: str) -> bool:
    """Whether it is off on this host because it was migrated away. Raises FleetError."""
    domain = _domain(host, uuid)
    return domain is not None and domain.off is Off.LEFT


class _AnotherMachineError(FleetError):
    """The host's name is borne by another machine than the one that is asked for."""


def _domain(host: Hypervisor, uuid: str, machine: str = "") -> Domain | None:
    """By UUID: another VM of the same name is not this one, and this one may have been renamed.

    `machine`: the host UUID that it must have; empty: any.
    """
    reading = host.read()
    if machine and reading.uuid != machine:
        raise _AnotherMachineError(f"{host.name} is another machine now", f"Correct `uri` in the spec of {host.name}.")
    return next((domain for domain in reading.domains.values() if domain.uuid == uuid), None)


def _source_end(domain: Domain | None) -> End:
    if domain is None:
        return End.ABSENT
    if domain.migration_side is MigrationSide.UNKNOWN:
        return End.UNREACHABLE
    return End.PARTIAL if domain.post_copy else _end(domain.power)


def _destination_end(domain: Domain | None) -> End:
    """A paused copy counts as one that never ran only where the hypervisor says so."""
    if domain is None:
        return End.ABSENT
    if domain.migration_side is MigrationSide.UNKNOWN:
        return End.UNREACHABLE
    if domain.post_copy:
        return End.PARTIAL
    if domain.power is Power.PAUSED and domain.migration_side is not MigrationSide.INCOMING:
        return End.SUSPENDED
    return _end(domain.power)


def _end(power: Power) -> End:
    match power:
        case Power.RUNNING:
            return End.RUNNING
        case Power.PAUSED:
            return End.PAUSED
        case Power.SHUTTING_DOWN:
            return End.STOPPING
        case Power.SHUT_OFF | Power.CRASHED:
            return End.SHUT_OFF
        case _:
            assert_never(power)
