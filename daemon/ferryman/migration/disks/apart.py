"""Trying out whether two hosts' pools lie on one storage, before a volume is deleted or taken for the other's own."""

from __future__ import annotations

from enum import StrEnum

from ferryman.fleet.errors import FailureKind, OperationFailedError
from ferryman.fleet.hypervisor import Hypervisor
from ferryman.fleet.storage import VolumeRef
from ferryman.records.audit.record import VolumeAt
from ferryman.records.journal.markers import Marker, Markers

_MARKER_BYTES = 512


class Likeness(StrEnum):
    """Two hosts' pools compared."""

    SAME = "same"
    """What one makes, the other has."""
    APART = "apart"
    """What one makes, the other has not."""
    UNKNOWN = "unknown"


def lie_apart(
    one: Hypervisor, one_pool: str, other: Hypervisor, other_pool: str, marker: str, markers: Markers
) -> bool:
    """Whether a volume called `marker` can be created in both pools; see `tried_out`. Raises as that."""
    return tried_out(one, one_pool, other, other_pool, marker, markers) is Likeness.APART


def likeness(
    one: Hypervisor, one_pool: str, other: Hypervisor, other_pool: str, marker: str, markers: Markers
) -> Likeness:
    """As `tried_out`; pools in which no volume can be made are the same where one server is named as their origin.

    Raises FleetError where a host falls silent.
    """
    try:
        return tried_out(one, one_pool, other, other_pool, marker, markers)
    except OperationFailedError:
        here, there = (host.describe(()).pools.get(pool) for host, pool in ((one, one_pool), (other, other_pool)))
    if here is None or there is None or not here.origin:
        return Likeness.UNKNOWN
    return Likeness.SAME if (here.kind, here.origin) == (there.kind, there.origin) else Likeness.UNKNOWN


def tried_out(
    one: Hypervisor, one_pool: str, other: Hypervisor, other_pool: str, marker: str, markers: Markers
) -> Likeness:
    """Make a volume called `marker` in both pools: on one storage the second is refused.

    Pools of plain folders may have come to lie on shared storage at any time, and a pool's listing may be old. Only
    trying tells: libvirt creates a volume only where there was none (O_EXCL). UNKNOWN where the second pool takes no
    volume for another reason. Nothing else may have the marker's name, and the markers are gone afterwards. Raises
    FleetError where the first is refused, or a host falls silent: then `markers` knows what may be left of them. Raises
    StateUnwritableError where that cannot be noted.
    """
    at = ((one.name, one_pool), (other.name, other_pool))
    places = tuple(VolumeAt(host=host, pool=pool, name=marker) for host, pool in at)
    with markers.noted(Marker(name=marker, places=places)):
        return _try_out(one, VolumeRef(pool=one_pool, name=marker), other, VolumeRef(pool=other_pool, name=marker))


def _try_out(one: Hypervisor, here: VolumeRef, other: Hypervisor, there: VolumeRef) -> Likeness:
    one.volumes.create(here, format="raw", capacity_bytes=_MARKER_BYTES)
    try:
        try:
            other.volumes.create(there, format="raw", capacity_bytes=_MARKER_BYTES)
        except OperationFailedError as error:
            return Likeness.SAME if _is_there(error, other, there) else Likeness.UNKNOWN
        other.volumes.delete(there)
        return Likeness.APART
    finally:
        one.volumes.delete(here)


def _is_there(error: OperationFailedError, host: Hypervisor, marker: VolumeRef) -> bool:
    """Why the second was refused; where libvirt's listing was old it says only that its file could not be made."""
    if error.kind is FailureKind.EXISTS:
        return True
    try:
        return host.volumes.find(marker) is not None
    except OperationFailedError:
        return False
