"""Anything may happen at any moment, and the daemon may die at any: what must hold, holds after each single step."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from house import HOSTS
from hypothesis import HealthCheck, Phase, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from world import VMS, Wish, World

from ferryman.fleet.errors import FailureKind, FleetError, HostUnreachableError, OperationFailedError
from ferryman.fleet.fake.domain import Shutdown
from ferryman.fleet.fake.faults import Operation
from ferryman.fleet.fake.migration import POST_COPY_BROKEN
from ferryman.planning.decisions import Refused

SOAK = "FERRYMAN_SOAK" in os.environ
"""Other examples at each run, and far more; else always the same ones. A failure prints what repeats it."""
EXAMPLES = 2_000 if SOAK else 220
STEPS = 50
"""Of each example: 220 of them are more than 10,000 steps."""
METHODS = ("auto", "live", "post-copy", "paused", "cold")
CALLS = (
    Operation.READ,
    Operation.INSPECT,
    Operation.POWER,
    Operation.DEFINE,
    Operation.DISARM,
    Operation.ARM,
    Operation.UNDEFINE,
    Operation.START,
    Operation.REQUEST_SHUTDOWN,
    Operation.DESTROY,
    Operation.RESUME,
    Operation.FIND,
    Operation.CREATE,
    Operation.DELETE,
    Operation.SERVE,
    Operation.MIRROR,
    Operation.MIRRORED,
    Operation.MIRROR_BROKE,
    Operation.CANCEL_MIRROR,
    Operation.COPY,
    Operation.SAME,
    Operation.MIGRATE,
    Operation.JOB,
    Operation.COMPLETED_JOB,
    Operation.SET_MAX_BANDWIDTH,
    Operation.SET_MAX_DOWNTIME,
    Operation.START_POST_COPY,
    Operation.RESUME_POST_COPY,
    Operation.ABORT,
)
"""Those that moves are made of."""

hosts, vms = st.sampled_from(HOSTS), st.sampled_from(VMS)
errors: st.SearchStrategy[FleetError] = st.sampled_from(
    [
        OperationFailedError(FailureKind.OTHER, "it fails as planted", "See the fake host's log."),
        HostUnreachableError("the connection broke as planted", "Check libvirtd there."),
    ]
)


class FleetMachine(RuleBasedStateMachine):
    """Rules are what can happen, among them one step of what ferryman does."""

    def __init__(self) -> None:
        super().__init__()
        memory = Path("/dev/shm")  # on a disk, fsync would take most of the time
        self.folder = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None))
        self.world = World(self.folder)

    def teardown(self) -> None:
        try:
            self.comes_to_rest()
        finally:
            self.world.close()
            shutil.rmtree(self.folder)

    @invariant()
    def holds(self) -> None:
        self.world.check()

    # What ferryman does.

    @rule()
    def looks(self) -> None:
        self.world.look()

    @precondition(lambda self: self.world.baton.tasks)
    @rule(which=st.integers(0, 5), turns=st.integers(1, 40))
    def one_goes_on(self, which: int, turns: int) -> None:
        for _ in range(turns):
            tasks = self.world.baton.tasks
            if tasks:
                self.world.baton.turn(tasks[which % len(tasks)])

    @precondition(lambda self: self.world.baton.tasks)
    @rule(rounds=st.integers(1, 60))
    def all_go_on(self, rounds: int) -> None:
        for _ in range(rounds):
            self.world.baton.round()
        self.world.look()

    @rule(way=st.sampled_from(["killed", "stopped"]) | st.integers(0, 8))
    def dies(self, way: str | int) -> None:
        """At once, of a signal, or when the next look has put so many files into place."""
        match way:
            case "killed":
                self.world.crash()
            case "stopped":
                self.world.stop()
            case files:
                self.world.disk.dies_after = int(files)
        self.world.look()
        self.world.disk.dies_after = None

    @rule(vm=vms, method=st.sampled_from(METHODS), turns=st.integers(0, 90), cut=st.none() | hosts)
    def dies_on_the_way(self, vm: str, method: str, turns: int, cut: str | None) -> None:
        """With a host losing power at the same moment, or not."""
        self.is_on_its_way(vm, method, turns)
        if cut is not None:
            self.world.power_is_cut(cut)
        self.world.crash()
        self.world.look()

    # What is committed.

    @rule(vm=vms, host=hosts, method=st.sampled_from(METHODS), drift=st.sampled_from(["report", "correct"]))
    def is_wanted_elsewhere(self, vm: str, host: str, method: str, drift: str) -> None:
        self.world.wish(vm, Wish(host=host, method=method, more=f'drift = "{drift}"'))
        self.world.look()

    @rule(vm=vms, method=st.sampled_from(METHODS), turns=st.integers(0, 60))
    def is_on_its_way(self, vm: str, method: str, turns: int) -> None:
        """Wanted on the next host, and begun."""
        here = HOSTS.index(self.world.wishes[vm].host)
        self.world.wish(vm, Wish(host=HOSTS[(here + 1) % len(HOSTS)], method=method))
        self.world.look()
        for _ in range(turns):
            self.world.baton.round()

    @rule(host=hosts, maintenance=st.booleans())
    def maintains(self, host: str, *, maintenance: bool) -> None:
        self.world.house.host(host, f"maintenance = {str(maintenance).lower()}\n")
        self.world.look()

    @rule(vm=vms, how=st.sampled_from(["removed", "broken"]))
    def spec_goes_wrong(self, vm: str, how: str) -> None:
        if how == "broken":
            self.world.house.write(f"vms/{vm}.toml", "name = [\n")
        else:
            (self.world.house.specs / "vms" / f"{vm}.toml").unlink(missing_ok=True)
        self.world.look()

    # What fails.

    @rule(host=hosts, operation=st.sampled_from(CALLS), error=errors, after=st.booleans(), times=st.integers(1, 4))
    def call_will_fail(self, host: str, operation: Operation, error: FleetError, times: int, *, after: bool) -> None:
        self.world.house.at(host).faults.fail_next(operation, error, after_effect=after, times=times)

    @rule(host=hosts, silent=st.booleans())
    def is_silent(self, host: str, *, silent: bool) -> None:
        self.world.house.at(host).faults.unreachable = silent

    @rule(files=st.booleans(), git=st.booleans())
    def state_takes(self, *, files: bool, git: bool) -> None:
        self.world.disk.read_only = not files
        self.world.commits.broken = not git

    @rule(seconds=st.sampled_from([1, 30, 600]), wall_s=st.sampled_from([0, 3600, -7200]))
    def time_passes(self, seconds: int, wall_s: int) -> None:
        """The wall's clock is set meanwhile."""
        self.world.house.clock.passed_s += seconds
        self.world.house.clock.wall_ahead_s += wall_s

    # What happens to VMs.

    @rule(vm=vms)
    def guest_writes(self, vm: str) -> None:
        self.world.guest_writes(vm)

    @rule(vm=vms, how=st.sampled_from(Shutdown))
    def guest_takes_shutdown(self, vm: str, how: Shutdown) -> None:
        for host in self.world.house.fleet.hosts.values():
            if vm in host.domains.known:
                host.domains.known[vm].shutdown = how

    @rule(vm=vms)
    def migration_goes_on(self, vm: str) -> None:
        self.world.accidents.migration_goes_on(vm)

    @rule(vm=vms, later=st.booleans())
    def connection_breaks(self, vm: str, *, later: bool) -> None:
        if later:
            self.world.house.fleet.plan_breakage(vm, POST_COPY_BROKEN)
        else:
            self.world.accidents.connection_breaks(vm)

    @rule(host=hosts, vm=st.none() | vms)
    def qemu_dies(self, host: str, vm: str | None) -> None:
        """Of one VM, or with the whole host, which starts again what is armed."""
        if vm is None:
            self.world.power_is_cut(host)
        else:
            self.world.dies(host, vm)

    @rule(vm=vms)
    def somebody_starts(self, vm: str) -> None:
        self.world.somebody_starts(vm)

    @rule(vm=vms, source=hosts, destination=hosts)
    def somebody_moves(self, vm: str, source: str, destination: str) -> None:
        """Also one that ferryman moves, at any step; the source's definition stays where somebody forgot it."""
        self.world.somebody_moves(vm, source, destination)

    # And then nothing more.

    def comes_to_rest(self) -> None:
        found = self.world.comes_to_rest()
        for record in self.world.records():
            event(f"{record.method} {record.outcome}{' after a restart' if record.recovered else ''}")
        for status in found.statuses.values():
            event(f"at rest: {type(status).__name__} {status.reason if isinstance(status, Refused) else ''}")


FleetMachine.TestCase.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=STEPS,
    deadline=None,
    derandomize=not SOAK,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
TestFleetMachine = FleetMachine.TestCase
