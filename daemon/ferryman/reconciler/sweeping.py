"""Marker volumes that a killed process or a silent host left behind: deleted as soon as their hosts answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ferryman.fleet.errors import FleetError
from ferryman.fleet.hypervisor import Hypervisor
from ferryman.fleet.values import VolumeRef
from ferryman.records.markers import Marker, Markers


def reachable(markers: Iterable[Marker], hosts: Iterable[str]) -> tuple[Marker, ...]:
    """Those all of whose hosts are among these."""
    known = frozenset(hosts)
    return tuple(marker for marker in markers if {place.host for place in marker.places} <= known)


def sweep(markers: Markers, left: Iterable[Marker], host: Callable[[str], Hypervisor]) -> None:
    """Delete these wherever they may be; what fails is tried again at a later time. Raises StateUnwritableError."""
    for marker in left:
        try:
            for place in marker.places:
                host(place.host).volumes.delete(VolumeRef(pool=place.pool, name=place.name))
        except FleetError:
            continue  # still noted
        markers.forget(marker.name)
