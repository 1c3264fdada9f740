"""Where a VM may stay while its home is in maintenance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ferryman.fleet.values import Domain, HostReading, Power, Snapshot
from ferryman.planning.findings import Finding, FindingCode, Severity
from ferryman.specs.host_spec import HostSpec
from ferryman.specs.vm_spec import VmSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """What placing looks at beside the snapshot."""

    hosts: Mapping[str, HostSpec]
    incoming_mib: Mapping[str, int] = field(default_factory=dict)
    """Memory that moves under way, or decided a moment ago, will take at each host."""
    incoming_vms: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """The VMs of those moves, at each destination."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a VM is."""

    host: str
    domain: Domain


def spare_memory_mib(reading: HostReading, fleet: Fleet) -> int:
    """Memory that one more VM may take at a host.

    Promised memory counts, not used memory: a VM may grow into its maximum at any time.
    Example: 16,384 MiB, 512 reserved, VMs of 4,096 and 8,192, one of 1,024 coming in: 2,560.
    """
    promised = sum(domain.memory_mib for domain in reading.domains.values() if domain.power is not Power.SHUT_OFF)
    reserve = fleet.hosts[reading.host].capacity.reserve_memory_mib
    return max(0, reading.memory_mib - reserve - promised - fleet.incoming_mib.get(reading.host, 0))


def places(spec: VmSpec, fleet: Fleet, snapshot: Snapshot, found: Place) -> tuple[str, ...]:
    """The hosts that can take the VM in, the one with the most spare memory first."""
    possible = [host for host in fleet.hosts if obstacle(host, spec, fleet, snapshot, found) is None]
    spare = {host: spare_memory_mib(reading, fleet) for host in possible if (reading := snapshot.reading(host))}
    return tuple(sorted(spare, key=lambda host: (-spare[host], host)))


def refusals(spec: VmSpec, fleet: Fleet, snapshot: Snapshot, found: Place) -> tuple[Finding, ...]:
    """Why each other host cannot take the VM in."""
    obstacles = {
        host: obstacle(host, spec, fleet, snapshot, found) for host in sorted(fleet.hosts) if host != found.host
    }
    return tuple(
        Finding(
            code=FindingCode.NO_PLACE,
            severity=Severity.BLOCKER,
            reason=f"not to {host}: {reason}",
            remedy="Add a host to `[placement] hosts` of its spec, or free memory there. It stays where it is.",
        )
        for host, reason in obstacles.items()
        if reason is not None
    ) or (
        Finding(
            code=FindingCode.NO_PLACE,
            severity=Severity.BLOCKER,
            reason="the fleet has no other host",
            remedy="Add another host to the fleet.",
        ),
    )


def obstacle(host: str, spec: VmSpec, fleet: Fleet, snapshot: Snapshot, found: Place) -> str | None:
    """Why the VM cannot stay on this host; None: it can."""
    if host == found.host:
        return "it is there now"
    if spec.placement.hosts is not None and host not in spec.placement.hosts:
        return "its spec's [placement] does not name it"
    if fleet.hosts[host].maintenance:
        return "it is in maintenance itself"
    reading = snapshot.reading(host)
    if reading is None:
        return "it cannot be reached"
    unwanted = sorted((reading.domains.keys() | fleet.incoming_vms.get(host, frozenset())) & set(spec.placement.avoid))
    if unwanted:
        return f"{', '.join(unwanted)} is there, which its spec avoids"
    need = found.domain.memory_mib if found.domain.power is not Power.SHUT_OFF else 0
    spare = spare_memory_mib(reading, fleet)
    return f"it has {spare} MiB of memory to spare, the VM needs {need} MiB" if spare < need else None
