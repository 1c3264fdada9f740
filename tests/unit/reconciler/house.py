"""A small fleet that is reconciled: a folder of specs, fake hosts, a real state folder, and the loop over them."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

from ferryman.downtime.values import ServiceCheck
from ferryman.downtime.vantage import Here, Vantage
from ferryman.fleet.fake.hosts import FakeFleet, FakeHost
from ferryman.fleet.observing import FleetView
from ferryman.fleet.ownership import Identity
from ferryman.fleet.values import DirtyRate
from ferryman.migration.working import THREADS, Work
from ferryman.planning.plans import Plan
from ferryman.reconciler.chronicle import Chronicle
from ferryman.reconciler.loop import Look, Reconciler
from ferryman.reconciler.parts import Parts
from ferryman.reconciler.wanting import Wanted, kept_in
from ferryman.records.audit import whole as audit
from ferryman.records.audit.record import MigrationRecord
from ferryman.records.journal.entry import JournalEntry
from ferryman.records.lease.rules import Observing
from ferryman.records.progress_files import Progress
from ferryman.records.requests import Request
from ferryman.records.state.repository import Commits
from ferryman.records.state.states import Condition, HostState, VmState
from ferryman.records.store import StateStore
from ferryman.specs.host_spec import HostSpec
from ferryman.specs.opening import open_source
from ferryman.specs.problems import Problem
from ferryman.specs.source import SpecSource

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
PATIENCE_S = 20.0
"""For a thread to do what it is about to do; a sound test never waits so long."""
HOSTS = ("tallinn", "skopje", "oslo")
FLEET = "settle_ms = 0\n"


class HandClock:
    """A clock that is moved by hand; only the wall's moves on by a second whenever it is read, to tell moves apart."""

    def __init__(self) -> None:
        self.passed_s = 0.0
        self.wall_ahead_s = 0.0
        self._seconds = count()

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self.passed_s + self.wall_ahead_s + next(self._seconds))

    def monotonic_ns(self) -> int:
        return int(self.passed_s * 1_000_000_000)


@dataclass(slots=True)
class Heard:
    """`Events` that only remembers."""

    problems_now: tuple[Problem, ...] = ()
    begun_vms: list[str] = field(default_factory=list)
    taken_up_vms: list[str] = field(default_factory=list)
    ended_records: list[MigrationRecord] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    bugs: list[str] = field(default_factory=list)
    answers: list[Request] = field(default_factory=list)

    def problems(self, problems: Sequence[Problem]) -> None:
        self.problems_now = tuple(problems)

    def begun(self, plan: Plan) -> None:
        self.begun_vms.append(plan.vm)

    def taken_up(self, entry: JournalEntry) -> None:
        self.taken_up_vms.append(entry.vm)

    def answered(self, request: Request) -> None:
        self.answers.append(request)

    def ended(self, record: MigrationRecord) -> None:
        self.ended_records.append(record)

    def condition(self, vm: str, condition: Condition) -> None:
        pass

    def host(self, state: HostState) -> None:
        pass

    def trouble(self, reason: str, remedy: str) -> None:
        assert remedy
        self.troubles.append(reason)

    def bug(self, vm: str, bug: BaseException) -> None:
        self.bugs.append(f"{vm}: {bug}")


class Gates:
    """Where a test holds a move: it shows its progress before it touches anything, and waits there."""

    def __init__(self) -> None:
        self._closed: dict[str, threading.Event] = {}
        self._bugs: dict[str, RuntimeError] = {}

    def close(self, *vms: str) -> None:
        for vm in vms:
            self._closed[vm] = threading.Event()

    def open(self) -> None:
        for gate in self._closed.values():
            gate.set()

    def plant_bug(self, vm: str) -> None:
        self._bugs[vm] = RuntimeError("a bug of ours")

    def show(self, progress: Progress) -> None:
        if progress.vm in self._bugs:
            raise self._bugs.pop(progress.vm)
        if progress.vm in self._closed:
            assert self._closed[progress.vm].wait(PATIENCE_S)


@dataclass(slots=True)
class Rates:
    """The dirty rates that were kept, in order."""

    kept: dict[str, DirtyRate] = field(default_factory=dict)
    on_kept: Callable[[], None] = lambda: None

    def keep(self, vm: str, rate: DirtyRate) -> None:
        self.kept[vm] = rate
        self.on_kept()


class Listening(Here):
    """Hears the services at these addresses, and no others."""

    def __init__(self, answering: set[str]) -> None:
        self._answering = answering

    def check(self, address: str, port: int) -> ServiceCheck:
        assert port
        return ServiceCheck(working=address in self._answering)


@dataclass(slots=True)
class Daemon:
    """One run of the loop over a house; another run is what a restart begins."""

    store: StateStore
    loop: Reconciler
    wanted: Wanted
    chronicle: Chronicle
    view: FleetView
    stop: threading.Event
    woken: threading.Semaphore

    def look(self) -> Look:
        return self.loop.look()

    def until_woken(self) -> None:
        """Wait until something calls for a look."""
        assert self.woken.acquire(timeout=PATIENCE_S)

    def until_quiet(self) -> Look:
        """Look, and again each time a move ends, until none is under way."""
        while (found := self.look()).moving:
            assert self.woken.acquire(timeout=PATIENCE_S)
        return found

    def close(self) -> None:
        self.stop.set()
        self.loop.close(PATIENCE_S)
        self.view.close()
        self.store.close()


@dataclass(slots=True)
class House:
    """Three hosts; the VMs that a test adds."""

    folder: Path
    specs: Path
    fleet: FakeFleet = field(init=False)
    clock: HandClock = field(default_factory=HandClock)
    heard: Heard = field(default_factory=Heard)
    gates: Gates = field(default_factory=Gates)
    rates: Rates = field(default_factory=Rates)
    daemons: list[Daemon] = field(default_factory=list)
    me: Identity | None = None
    """What VMs are tagged with while they move."""
    answering: set[str] = field(default_factory=set)
    """The addresses at which a service answers."""
    probed_from: list[str] = field(default_factory=list)
    """The hosts that were asked to probe or to listen, in order; empty: the daemon's machine."""
    work: Work = THREADS
    make_stop: Callable[[], threading.Event] = threading.Event
    news: threading.Condition | None = None
    history: Commits | None = None
    open_specs: Callable[[Path], SpecSource] = open_source
    observing: Observing | None = None
    """Why the daemon may not act."""
    asking: ExitStack = field(default_factory=ExitStack)
    """Whoever asked something waits for the answer until the house is closed."""

    def __post_init__(self) -> None:
        self.fleet = FakeFleet(
            *(HostSpec(name=name, uri=f"qemu+ssh://root@{name}/system") for name in HOSTS), news=self.news
        )
        self.write("fleet.toml", FLEET)
        for name in HOSTS:
            self.host(name)

    @property
    def state(self) -> Path:
        return self.folder / "state"

    def at(self, host: str) -> FakeHost:
        return self.fleet.hosts[host]

    def write(self, path: str, text: str) -> None:
        file = self.specs / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def host(self, name: str, more: str = "") -> None:
        """Write a host's spec."""
        self.write(f"hosts/{name}.toml", f'name = "{name}"\nuri = "qemu+ssh://root@{name}/system"\n{more}')

    def vm(self, name: str, host: str, more: str = "") -> None:
        """Write a VM's spec."""
        self.write(f"vms/{name}.toml", f'name = "{name}"\nhost = "{host}"\n{more}')

    def settled_vm(self, name: str, host: str, more: str = "", *, memory_mib: int = 96) -> None:
        """A VM that runs where its spec wants it."""
        self.at(host).add_vm(name, memory_mib=memory_mib)
        self.vm(name, host, more)

    def start(self) -> Daemon:
        """Begin a run, as a (re)start of the daemon does."""
        store = StateStore.open(self.state, history=self.history)
        stop, woken = self.make_stop(), threading.Semaphore(0)
        view = FleetView(self.fleet.connect, lambda: None)
        wanted = Wanted(source=self.open_specs(self.specs), kept=kept_in(self.state))
        chronicle = Chronicle(store, self.clock, self.heard)
        loop = Reconciler(
            Parts(
                wanted=wanted,
                view=view,
                chronicle=chronicle,
                clock=self.clock,
                events=self.heard,
                show=self.gates.show,
                wake=woken.release,
                stop=stop,
                keep_rate=self.rates.keep,
                me=self.me,
                observing=lambda: self.observing,
                vantage=self._vantage,
                work=self.work,
            )
        )
        daemon = Daemon(store=store, loop=loop, wanted=wanted, chronicle=chronicle, view=view, stop=stop, woken=woken)
        self.daemons.append(daemon)
        return daemon

    def _vantage(self, host: HostSpec | None) -> Vantage:
        self.probed_from.append(host.name if host else "")
        return Listening(self.answering)

    def close(self) -> None:
        self.asking.close()
        self.gates.open()
        for daemon in self.daemons:
            daemon.close()

    def states(self) -> dict[str, VmState]:
        with StateStore.open(self.state, read_only=True) as store:
            return store.vm_states()

    def said(self, vm: str) -> Condition:
        """What the state folder says of a VM."""
        (condition,) = self.states()[vm].conditions
        return condition

    def host_states(self) -> dict[str, HostState]:
        with StateStore.open(self.state, read_only=True) as store:
            return store.host_states()

    def records(self) -> list[MigrationRecord]:
        """The audit records, oldest first."""
        return list(audit.records(self.state))[::-1]

    def log(self) -> list[str]:
        """The subjects of the state folder's commits, oldest first."""
        return self.git("log", "--reverse", "--format=%s").splitlines()

    def git(self, *arguments: str) -> str:
        done = subprocess.run(["git", "-C", str(self.state), *arguments], check=True, capture_output=True, text=True)
        return done.stdout
