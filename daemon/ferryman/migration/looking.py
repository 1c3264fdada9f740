"""What both ends of a move say of its VM, as the recovery table wants to know it."""

from __future__ import annotations

from typing import assert_never

from ferryman.fleet.errors import FleetError
from ferryman.fleet.hypervisor import Hypervisor
from ferryman.fleet.migrating import JobPhase
from ferryman.fleet.values import Domain, MigrationSide, Power
from ferryman.migration.ends import End, Seen
from ferryman.migration.move import Ends


def look(ends: Ends, vm: str, uuid: str) -> Seen:
    """Both ends; whatever cannot be read is unreachable.

    In this order: the job first, then the source, then the destination. A migration that ends between two of the
    questions then never looks like a VM that runs twice.
    """
    try:
        job = ends.source.migrations.job(vm).phase not in (JobPhase.NONE, JobPhase.POST_COPY_BROKEN)
        source = _source_end(_domain(ends.source, uuid))
    except FleetError:
        job, source = False, End.UNREACHABLE
    try:
        destination = _destination_end(_domain(ends.destination, uuid))
    except FleetError:
        destination = End.UNREACHABLE
    return Seen(source=source, destination=destination, job=job)


def _domain(host: Hypervisor, uuid: str) -> Domain | None:
    """By UUID: another VM of the same name is not this one, and this one may have been renamed."""
    return next((domain for domain in host.read().domains.values() if domain.uuid == uuid), None)


def _source_end(domain: Domain | None) -> End:
    if domain is None:
        return End.ABSENT
    return End.PARTIAL if domain.post_copy else _end(domain.power)


def _destination_end(domain: Domain | None) -> End:
    """A paused copy counts as one that never ran only where the hypervisor says so."""
    if domain is None:
        return End.ABSENT
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
