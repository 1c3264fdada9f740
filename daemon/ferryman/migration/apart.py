"""Proving that two hosts' pools lie on different storage: nothing is deleted on the one while it may be the other's."""

from __future__ import annotations

from ferryman.fleet.errors import OperationFailedError
from ferryman.fleet.hypervisor import Hypervisor
from ferryman.fleet.values import VolumeRef

_MARKER_BYTES = 512


def lie_apart(one: Hypervisor, one_pool: str, other: Hypervisor, other_pool: str, marker: str) -> bool:
    """Whether a volume called `marker` can be created in both pools: on one storage the second is refused.

    Pools of plain folders may have come to lie on shared storage at any time, and a pool's listing may be old. Only
    trying tells: libvirt creates a volume only where there was none (O_EXCL). False also where the second pool takes
    no volume for another reason. The markers are gone afterwards. Raises FleetError where the first is refused, or a
    host falls silent.
    """
    here, there = VolumeRef(pool=one_pool, name=marker), VolumeRef(pool=other_pool, name=marker)
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
