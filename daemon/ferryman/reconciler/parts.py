"""What the loop is made of."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from ferryman.downtime.vantage import Vantage, vantage_of
from ferryman.fleet.observing import FleetView
from ferryman.fleet.ownership import Identity
from ferryman.fleet.values import DirtyRate
from ferryman.migration.attempt import KeepSamples, keep_none
from ferryman.migration.clock import Clock
from ferryman.migration.working import THREADS, Work
from ferryman.reconciler.chronicle import Chronicle
from ferryman.reconciler.dirty_rates import Keep
from ferryman.reconciler.events import Events
from ferryman.reconciler.wanting import Wanted
from ferryman.records.lease.rules import Observing
from ferryman.records.progress_files import Progress
from ferryman.specs.host_spec import HostSpec


def _forget(_vm: str, _rate: DirtyRate) -> None:
    """Nobody else wants to know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the loop is made of."""

    wanted: Wanted
    view: FleetView
    chronicle: Chronicle
    clock: Clock
    events: Events
    show: Callable[[Progress], None]
    wake: Callable[[], None]
    stop: threading.Event
    keep_rate: Keep = _forget
    """Where measured dirty rates are kept for others to see."""
    me: Identity | None = None
    """What VMs are tagged with while they move."""
    observing: Callable[[], Observing | None] = lambda: None
    """Why this daemon may not act now, because another may."""
    only: str | None = None
    """Bring the open move of this VM to its end, and begin nothing."""
    vantage: Callable[[HostSpec | None], Vantage] = vantage_of
    """Where VMs are probed from."""
    work: Work = THREADS
    progress: Callable[[], None] = lambda: None
    """Told with each step of a pass: a pass that goes on is not stuck, however many hosts are slow in it."""
    keep_samples: KeepSamples = keep_none
