"""Marker volumes that a killed process or a silent host left behind: deleted as soon as their hosts answer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable

from ferryman.fleet.errors import FleetError
from ferryman.fleet.hypervisor import Hypervisor
from ferryman.fleet.storage import VolumeRef
from ferryman.migration.working import Work
from ferryman.records.errors import StateError
from ferryman.records.journal.markers import Marker, Markers


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


class Sweeper:
    """The loop's: beside it, because a host may take its time. Used from one thread."""

    def __init__(self, work: Work, host: Callable[[str], Hypervisor], tell: Callable[[str, str], None]) -> None:
        """`tell` is told the reason and the remedy where the state folder takes no files."""
        self._work = work
        self._host = host
        self._tell = tell
        self._busy = threading.Event()

    def look(self, markers: Markers, hosts: Collection[str]) -> None:
        """Have deleted what was left behind on these hosts, which answer."""
        left = reachable(markers.left(), hosts)
        if left and not self._busy.is_set():
            self._busy.set()
            self._work.begin("sweep markers", lambda: self._sweep(markers, left))

    def _sweep(self, markers: Markers, left: Collection[Marker]) -> None:
        try:
            sweep(markers, left, self._host)
        except StateError as error:
            self._tell(error.reason, error.remedy)
        finally:
            self._busy.clear()
