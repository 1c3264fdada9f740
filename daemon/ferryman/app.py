"""Wiring: the parts of the daemon, put together around the real world's adapters."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from ferryman.fleet.adapting import adapted
from ferryman.fleet.connecting import connect as libvirt_connect
from ferryman.fleet.hypervisor import Connect, Hypervisor
from ferryman.fleet.observing import FleetView
from ferryman.fleet.ownership import Identity, claims
from ferryman.fleet.showing import Definition, definition
from ferryman.fleet.values import DirtyRate
from ferryman.migration.clock import Clock, SystemClock
from ferryman.planning.decisions import Decision, UpToDate, Wait, WaitReason
from ferryman.planning.plans import Plan
from ferryman.planning.prediction import DirtyRateUnknown
from ferryman.reconciler.chronicle import Chronicle
from ferryman.reconciler.deciding import Decided, Decider, resting
from ferryman.reconciler.dirty_rates import REFRESH_S, DirtyRates
from ferryman.reconciler.events import Events, Wakeup
from ferryman.reconciler.loop import Look, Parts, Reconciler
from ferryman.reconciler.memory import Memory
from ferryman.reconciler.wanting import Wanted
from ferryman.records import audit
from ferryman.records.conditions import Status, Suspended
from ferryman.records.identity import identity_of, read_id
from ferryman.records.journal import Journal
from ferryman.records.lease import Lease, LeaseKeeper
from ferryman.records.live import Progress, write_progress
from ferryman.records.rates import SeenRate, read_rates, write_rate
from ferryman.records.requests import folder_of
from ferryman.records.samples import ProbedMove, write_samples
from ferryman.records.store import StateStore
from ferryman.service import ServiceManager
from ferryman.specs.loading import Specs
from ferryman.specs.opening import open_source
from ferryman.specs.problems import Problem
from ferryman.specs.source import SourceError, WatchedPlace
from ferryman.specs.watching import Watcher

RESCAN_S = 30.0
"""How often the loop looks even if nothing woke it: inotify and libvirt's events can be lost."""
_STOP_PATIENCE_S = 20.0
_ONCE_WAIT_S = 2.0
_KEPT_RATE = timedelta(seconds=2 * REFRESH_S)
"""The daemon's own dirty rate is gone by for so long; it measures again before that."""


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
        self._source = open_source(options.specs)
        self._view = FleetView(connect, self._wakeup.changed)
        clock = SystemClock()
        self._wanted = Wanted(source=self._source)
        me = identity_of(store.folder)
        lease = Lease(store.folder, me)
        self._lease = LeaseKeeper(lease, self._wakeup.wake)
        self._journal = Journal(store.folder)
        self._reconciler = Reconciler(
            Parts(
                wanted=self._wanted,
                view=self._view,
                chronicle=Chronicle(store, clock, events),
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

    def stop(self) -> None:
        """End soon; safe to call from a signal handler or another thread."""
        self._stop.set()
        self._wakeup.wake()

    def run(self) -> None:
        """Reconcile until stopped."""
        with self._looking():
            self._service.ready("reconciling")
            while not self._stop.is_set():
                if self._look():
                    # Only a pass that went through is progress: a daemon that fails in each is restarted.
                    self._service.alive()
                self._wakeup.wait(self._pause_s())

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
        with Watcher((*self._source.watched(), asked), self._wakeup.wake):
            try:
                yield
            finally:
                self._service.stopping()
                self._stop.set()
                self._reconciler.close(_STOP_PATIENCE_S)
                self._view.close()
                self._lease.close(give_up=not self._journal.entries())

    def _pause_s(self) -> float:
        pauses = (self._options.rescan_s, self._service.watchdog_interval_s, self._reconciler.next_retry_s())
        return min(pause for pause in pauses if pause is not None)


def _show(folder: Path, progress: Progress) -> None:
    write_progress(folder, progress)


def _keep_samples(folder: Path, move: ProbedMove) -> None:
    write_samples(folder, move)


def _keep(folder: Path, vm: str, rate: DirtyRate, clock: Clock) -> None:
    write_rate(folder, SeenRate(vm=vm, bytes_s=rate.bytes_s, measured_at=clock.now()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What the daemon would do now."""

    revision: str
    decisions: dict[str, Decision | Suspended]
    problems: tuple[Problem, ...]
    definitions: Mapping[str, Definition] = field(default_factory=dict)
    """Of the VMs that are to move, without secrets."""


def preview(
    options: Options, connect: Connect = libvirt_connect, tell: Callable[[str], None] = lambda _: None
) -> Preview:
    """Decide as the daemon would, and touch nothing. Reads the state folder where there is one.

    A VM whose spec makes a promise is watched for a second before its move is decided, unless the daemon has done so
    a short time ago; `tell` is told.
    """
    wanted = Wanted(source=open_source(options.specs))
    wanted.refresh()
    if wanted.specs is None:
        return Preview(revision="", decisions={}, problems=wanted.problems)
    specs = wanted.specs
    view = FleetView(connect, lambda: None)
    try:
        view.configure(specs.hosts)
        decider = Decider(
            specs=specs,
            view=view,
            snapshot=view.look(),
            memory=_memory(options.state),
            now_ns=0,
            limits=None,
            claimed=lambda owner: claims(owner, Identity(id=read_id(options.state), by=""), SystemClock().now()),
            dirty_rate=_watching(options.state, tell),
        )
        rest = resting(specs)
        moving = _moving(options.state)
        decided = decider.decide(specs.vms.keys() - rest.keys() - moving.keys())
    finally:
        view.close()
    decisions: dict[str, Decision | Suspended] = {vm: one.decision for vm, one in decided.items()}
    under_way = {vm: wait for vm, wait in moving.items() if vm in specs.vms}
    return Preview(
        revision=specs.revision.id,
        decisions=decisions | rest | under_way,
        problems=wanted.problems,
        definitions=_definitions(decided),
    )


@contextmanager
def fleet_view(specs: Path, connect: Connect = libvirt_connect) -> Iterator[FleetView]:
    """The hosts of the specs in force, to look at. Raises SourceError where there are none."""
    wanted = Wanted(source=open_source(specs))
    wanted.refresh()
    if wanted.specs is None:
        first = wanted.problems[0]
        raise SourceError(f"no specs are in force: {first.place or specs}: {first.message}", first.remedy)
    view = FleetView(connect, lambda: None)
    try:
        view.configure(wanted.specs.hosts)
        yield view
    finally:
        view.close()


def _definitions(decided: Mapping[str, Decided]) -> dict[str, Definition]:
    return {
        vm: definition(one.detail.xml, adapted(one.detail.xml, one.decision.adaptation))
        for vm, one in decided.items()
        if isinstance(one.decision, Plan) and one.detail is not None
    }


def _watching(state: Path, tell: Callable[[str], None]) -> Callable[[str, Hypervisor], DirtyRate | DirtyRateUnknown]:
    clock = SystemClock()
    oldest = clock.now() - _KEPT_RATE
    kept = {vm: DirtyRate(bytes_s=seen.bytes_s) for vm, seen in read_rates(state).items() if seen.measured_at > oldest}
    rates = DirtyRates(clock, lambda _vm, _rate: None, kept)

    def measured(vm: str, host: Hypervisor) -> DirtyRate | DirtyRateUnknown:
        if not rates.is_known(vm):
            tell(f"watching for a second how fast {vm} writes")
        return rates.measured(vm, host)

    return measured


def _moving(state: Path) -> dict[str, Wait]:
    """The VMs that the daemon of this state folder is moving: between hosts they may look like anything."""
    entries = Journal(state).entries() if state.exists() else ()
    return {
        entry.vm: Wait(
            vm=entry.vm,
            reason=WaitReason.MIGRATING_ELSEWHERE,
            message=f"the daemon is moving it {entry.source} -> {entry.destination} ({entry.method})",
        )
        for entry in entries
    }


def _memory(state: Path) -> Memory:
    if not state.exists():
        return Memory()
    with StateStore.open(state, read_only=True) as store:
        return Memory.of(store.vm_states(), list(audit.records(state)), tuple(audit.removals(state)))


def is_settled(status: Status) -> bool:
    """The VM is where its spec wants it, or its spec wants it left alone."""
    return isinstance(status, (UpToDate, Suspended))
