"""Proving that two hosts' pools lie on different storage: nothing is deleted on the one while it may be the other's."""

from __future__ import annotations

from ferryman.fleet.errors import OperationFailedError
from ferryman.fleet.hypervisor import Hypervisor
from ferryman.fleet.values import VolumeRef
from ferryman.records.audit_records import VolumeAt
from ferryman.records.markers import Marker, Markers

_MARKER_BYTES = 512


def lie_apart(
    one: Hypervisor, one_pool: str, other: Hypervisor, other_pool: str, marker: str, markers: Markers
) -> bool:
    """Whether a volume called `marker` can be created in both pools: on one storage the second is refused.

    Pools of plain folders may have come to lie on shared storage at any time, and a pool's listing may be old. Only
    trying tells: libvirt creates a volume only where there was none (O_EXCL). False also where the second pool takes
    no volume for another reason. Nothing else may have the marker's name, and the markers are gone afterwards. Raises
    FleetError where the first is refused, or a host falls silent: then `markers` knows what may be left of them. Raises
    StateUnwritableError where that cannot be noted.
    """
    at = ((one.name, one_pool), (other.name, other_pool))
    places = tuple(VolumeAt(host=host, pool=pool, name=marker) for host, pool in at)
    with markers.noted(Marker(name=marker, places=places)):
        return _try_out(one, VolumeRef(pool=one_pool, name=marker), other, VolumeRef(pool=other_pool, name=marker))


def _try_out(one: Hypervisor, here: VolumeRef, other: Hypervisor, there: VolumeRef) -> bool:
    one.volumes.create(here, format="raw", capacity_bytes=_MARKER_BYTES)
    try:
        try:
            other.volumes.create(there, format="raw", capacity_bytes=_MARKER_BYTES)
        except OperationFailedError:
            return False
        other.volumes.delete(there)
        return True
    finally:
        one.volumes.delete(here)
