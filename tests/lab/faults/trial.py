"""One move that something happens to."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from daemon_run import DaemonRun
from running import RunningLab

from ferryman.lab import fault_state, faults
from ferryman.records.journal.journal import Journal

CONVERGES_WITHIN_S = 240.0
_COMES_SO_FAR_WITHIN_S = 60.0
_STALLS_MBIT_S = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Aftermath:
    """What is found once everything has come to rest."""

    whereabouts: Mapping[str, str]
    """The guest's power state by host."""
    counter: int
    """The guest counts on from here."""
    journal: tuple[str, ...]
    """Files of moves that are still open."""
    recorded: tuple[str, ...]
    """The attempt that each audit record tells of."""


@dataclass(slots=True, kw_only=True)
class Trial:
    """A guest on its home, a daemon that is to move it away."""

    lab: RunningLab
    daemon: DaemonRun
    vm: str
    home: str
    away: str
    counter: int
    """The last number that the guest knew to be on its disk before anything happened."""

    @classmethod
    def of(cls, lab: RunningLab, daemon: DaemonRun, vm: str, method: str) -> Trial:
        """Of a guest that answers, wherever it is, and that no earlier trial's daemon lays claim to."""
        lab.untag(vm)
        daemon.specs.replace(f"vms/{vm}.toml", 'method = "auto"', f'method = "{method}"')
        (home,) = lab.whereabouts(vm)
        away = next(host for host in lab.hosts if host != home)
        return cls(lab=lab, daemon=daemon, vm=vm, home=home, away=away, counter=lab.wait_until_ready(vm))

    @property
    def third(self) -> str:
        """The host that its move does not concern."""
        return next(host for host in self.lab.hosts if host not in (self.home, self.away))

    def attempt(self) -> str:
        """The id of the attempt under way; empty: none is."""
        return next((entry.id for entry in Journal(self.daemon.state).entries() if entry.vm == self.vm), "")

    def unnamed_volumes(self) -> set[str]:
        """Volumes of the guest that it does not use and that no record names."""
        records = self.daemon.records(self.vm)
        named = {(at.host, at.name) for one in records for at in (*one.left_behind, *one.volumes_created)}
        found = set()
        for host in set(self.lab.hosts) - self.lab.whereabouts(self.vm).keys():
            pool = self.lab.disk(self.vm, host).parent
            found |= {f"{host}: {path.name}" for path in pool.iterdir() if (host, path.name) not in named}
        return found

    def begins_nothing(self) -> None:
        """The daemon runs, and the guest is where it is wanted."""
        self.daemon.start("--rescan-s=2")
        self.daemon.until_in_place(self.vm, self.home)

    def begins(self) -> None:
        """The daemon runs, and a commit wants the guest elsewhere."""
        self.begins_nothing()
        self.daemon.specs.move(self.vm, self.away)

    @contextmanager
    def on_a_link_that_stalls(self) -> Iterator[None]:
        """For the block: over the lab's own links a small guest is there before it has to be switched."""
        faults.narrow(self.lab.ledger, self.away, _STALLS_MBIT_S)
        try:
            yield
        finally:
            faults.widen(self.lab.ledger, self.away)

    def is_killed_at(self, step: str, after_s: float = 0.0) -> None:
        """The daemon begins the move, and is killed so long after its journal says that it came to this step."""
        self.begins_nothing()
        with ThreadPoolExecutor(1) as beside:
            come = beside.submit(fault_state.wait_for_step, self.daemon.state, self.vm, step, _COMES_SO_FAR_WITHIN_S)
            self.daemon.specs.move(self.vm, self.away)
            come.result()
        time.sleep(after_s)
        self.daemon.kill()

    def arrives(self, within_s: float = CONVERGES_WITHIN_S) -> Aftermath:
        """A daemon brings it where it is wanted; what is then found."""
        with self.daemon.running("--rescan-s=2"):
            self.daemon.until_in_place(self.vm, self.away, within_s)
        return self.aftermath()

    def aftermath(self) -> Aftermath:
        """What is found now."""
        return Aftermath(
            whereabouts=self.lab.whereabouts(self.vm),
            counter=self.lab.wait_until_ready(self.vm),
            journal=tuple(file.name for file in (self.daemon.state / "journal").glob("[!.]*.toml")),
            recorded=tuple(record.id for record in self.daemon.records()),
        )

    def mend(self) -> None:
        """As the next trial wants to find it."""
        self.daemon.kill()
