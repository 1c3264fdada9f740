"""The hosts of a move."""

from __future__ import annotations

from dataclasses import dataclass

from ferryman.fleet.hypervisor import Hypervisor
from ferryman.fleet.observing import FleetView


@dataclass(frozen=True, slots=True, kw_only=True)
class HostPair:
    """Both hosts."""

    source: Hypervisor
    destination: Hypervisor
    others: tuple[Hypervisor, ...] = ()
    """All other hosts of the fleet: somebody may have carried the VM there."""


def ends_of(view: FleetView, source: str, destination: str) -> HostPair:
    """These two, and all others of the fleet."""
    others = sorted(view.names() - {source, destination})
    return HostPair(
        source=view.host(source), destination=view.host(destination), others=tuple(view.host(name) for name in others)
    )
