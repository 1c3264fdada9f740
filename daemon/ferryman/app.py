"""Wiring: the parts of the daemon, put together around the real world's adapters."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ferryman.fleet.connecting import connect as libvirt_connect
from ferryman.fleet.hypervisor import Connect
from ferryman.fleet.observing import FleetView
from ferryman.fleet.values import DirtyRate
from ferryman.migration.clock import Clock, SystemClock
from ferryman.planning.decisions import UpToDate
from ferryman.reconciler.chronicle import Chronicle
from ferryman.reconciler.events import Events, Wakeup
from ferryman.reconciler.loop import Look, Reconciler
from ferryman.reconciler.parts import Parts
from ferryman.reconciler.wanting import wanted_in
from ferryman.records.audit.samples import ProbedMove, write_samples
from ferryman.records.identity import identity_of
from ferryman.records.lease.remote import Lease, LeaseKeeper
from ferryman.records.progress_files import Progress, write_progress
from ferryman.records.rates import SeenRate, write_rate
from ferryman.records.requests import folder_of
from ferryman.records.state.conditions import Status, Suspended
from ferryman.records.store import StateStore
from ferryman.service import ServiceManager
from ferryman.specs.loading import Specs
from ferryman.specs.source import WatchedPlace
from ferryman.specs.watching import Watcher

RESCAN_S = 30.0
"""How often the loop looks even if nothing woke it: inotify and libvirt's events can be lost."""
_AFTER_A_FAULT_S = 5.0
"""So soon a pass that died of a fault is tried again: several times before the watchdog takes it for hopeless."""
_STOP_PATIENCE_S = 20.0
_ONCE_WAIT_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What `ferryman run` was asked."""

    specs: Path
    state: Path
    rescan_s: float = RESCAN_S
    only: str | None = None
    """Bring the open move of this VM to its end, and begin nothing."""


class Daemon:
    """The running program."""

    def __init__(
        self,
        options: Options,
        store: StateStore,
        events: Events,
        service: ServiceManager,
        connect: Connect = libvirt_connect,
    ) -> None:
        self._options = options
        self._events = events
        self._service = service
        self._wakeup = Wakeup()
        self._stop = threading.Event()
        self._went_through = True
        """The last pass did."""
        self._view = FleetView(connect, self._wakeup.changed)
        clock = SystemClock()
        self._wanted = wanted_in(options.specs, store.folder)
        me = identity_of(store.folder)
        lease = Lease(store.folder, me)
        self._lease = LeaseKeeper(lease, self._wakeup.wake)
        self._chronicle = Chronicle(store, clock, events)
        self._reconciler = Reconciler(
            Parts(
                wanted=self._wanted,
                view=self._view,
                chronicle=self._chronicle,
                clock=clock,
                events=events,
                show=lambda progress: _show(store.folder, progress),
                wake=self._wakeup.wake,
                stop=self._stop,
                keep_rate=lambda vm, rate: _keep(store.folder, vm, rate, clock),
                only=options.only,
                me=me,
                observing=lease.observing,
                keep_samples=lambda move: _keep_samples(store.folder, move),
                progress=self._goes_on,
            )
        )

    @property
    def specs_folder(self) -> Path:
        """Where the specs are."""
        return self._options.specs

    def specs_now(self) -> Specs | None:
        """The specs that a first look finds in force."""
        self._wanted.refresh()
        return self._wanted.specs

    def left_open(self) -> tuple[str, ...]:
        """The VMs whose move has not come to an end, and that no person was asked about."""
        moves = self._chronicle.open_moves()
        return tuple(sorted(moves.open.keys() | moves.damaged))

    def stop(self) -> None:
        """End soon; safe to call from a signal handler or another thread."""
        self._stop.set()
        self._wakeup.wake()

    def run(self) -> None:
        """Reconcile until stopped."""
        with self._looking():
            self._service.ready("reconciling")
            while not self._stop.is_set():
                self._goes_on()
                self._went_through = self._look()
                self._goes_on()
                self._wakeup.wait(self._pause_s())

    def _goes_on(self) -> None:
        """Feed the watchdog; only after a pass that went through, so that a daemon that fails in each is restarted."""
        if self._went_through:
            self._service.alive()

    def _look(self) -> bool:
        """One pass; whether it went through. Its boundary: what one dies of is told, and the next begins afresh."""
        try:
            self._reconciler.look()
        except Exception as bug:  # noqa: BLE001 - a fault of ours must not end what watches the moves under way
            self._events.trouble(f"ferryman failed in a pass: {bug!r}", "Report this; the next pass begins afresh.")
            return False
        return True

    def run_once(self) -> Look:
        """Reconcile until no move is under way and none can begin; what was found last.

        What waits for a host, a retry or a person by then is left to the next run.
        """
        with self._looking():
            while True:
                found = self._reconciler.look(patient=True)
                if self._stop.is_set() or not found.moving:
                    return found
                self._wakeup.wait(_ONCE_WAIT_S)

    @contextmanager
    def _looking(self) -> Iterator[None]:
        asked = WatchedPlace(directory=folder_of(self._options.state), recursive=False, names=None)
        self._lease.start()
        with Watcher((*self._wanted.source.watched(), asked), self._wakeup.wake):
            try:
                yield
            finally:
                self._service.stopping()
                self._stop.set()
                self._reconciler.close(_STOP_PATIENCE_S)
                self._view.close()
                self._lease.close(give_up=not self.left_open())

    def _pause_s(self) -> float:
        pauses = (self._options.rescan_s, self._service.watchdog_interval_s, self._reconciler.next_retry_s())
        pause = min(pause for pause in pauses if pause is not None)
        return pause if self._went_through else min(pause, _AFTER_A_FAULT_S)


def _show(folder: Path, progress: Progress) -> None:
    write_progress(folder, progress)


def _keep_samples(folder: Path, move: ProbedMove) -> None:
    write_samples(folder, move)


def _keep(folder: Path, vm: str, rate: DirtyRate, clock: Clock) -> None:
    write_rate(folder, SeenRate(vm=vm, rate=rate, measured_at=clock.now()))


def is_settled(status: Status) -> bool:
    """The VM is where its spec wants it, or its spec wants it left alone."""
    return isinstance(status, (UpToDate, Suspended))
