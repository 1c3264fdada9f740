"""Whether one more move may begin now."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ferryman.specs.fleet_spec import FleetLimits
from ferryman.specs.host_spec import HostSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A move under way, or one that asks to begin: all that limits count."""

    vm: str
    source: str
    destination: str


def obstacle(
    way: Route, under_way: Collection[Route], hosts: Mapping[str, HostSpec], limits: FleetLimits
) -> str | None:
    """The limit that holds this move back; None: it may begin."""
    outgoing = sum(other.source == way.source for other in under_way)
    incoming = sum(other.destination == way.destination for other in under_way)
    source, destination = hosts[way.source].limits, hosts[way.destination].limits
    if outgoing >= source.outgoing:
        return f"{way.source} sends {outgoing} already ([limits] outgoing = {source.outgoing})"
    if incoming >= destination.incoming:
        return f"{way.destination} receives {incoming} already ([limits] incoming = {destination.incoming})"
    if len(under_way) >= limits.migrations:
        return f"{len(under_way)} moves are under way in the fleet ([limits] migrations = {limits.migrations})"
    return None
