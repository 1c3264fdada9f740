"""A fleet, a daemon that can die anywhere, and what must hold of both at every moment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from baton import Baton, Disk, HandNews, HandStop, Killed, watch
from house import HOSTS, Daemon, HandClock, House

from ferryman.fleet.fake.accidents import Accidents
from ferryman.fleet.fake.domain import Shutdown
from ferryman.fleet.fake.storage import Runs
from ferryman.fleet.migrating import Job, JobPhase
from ferryman.fleet.values import Power
from ferryman.planning.decisions import Drifted, Refused, StallReason, UpToDate, Wait
from ferryman.reconciler.loop import Look
from ferryman.records import toml_files
from ferryman.records.audit import whole as audit
from ferryman.records.audit.ordering import in_order
from ferryman.records.audit.record import MigrationRecord, Outcome
from ferryman.records.errors import HistoryError
from ferryman.records.journal.entry import JournalEntry, Step
from ferryman.records.journal.journal import Journal
from ferryman.records.state.messages import CommitMessage
from ferryman.records.state.states import HostState, VmState
from ferryman.specs.folder import FolderSource

VMS = ("mail", "web", "wiki")
ARMED = ("web", "wiki")
"""They start with their hosts."""
_MOST_TURNS = 5_000
_MOST_ROUNDS = 60
"""In which a fleet without faults comes to rest."""
_NEXT_RETRY_S = 3600
_HOLE = 63 * 1024**2
_JOBS = (Job(phase=JobPhase.DISKS), Job(phase=JobPhase.MEMORY))
_KINDS = {"vms": VmState, "hosts": HostState, "journal": JournalEntry}


@dataclass(slots=True)
class Commits:
    """A history that keeps the subjects, and can refuse."""

    broken: bool = False
    subjects: list[str] = field(default_factory=list)
    folder: Path = field(default_factory=Path)
    committed: set[Path] = field(default_factory=set)

    def prepare(self) -> None:
        pass

    def uncommitted(self, folder: str) -> frozenset[Path]:
        if self.broken:
            raise HistoryError("git status failed.", "Make room.")
        return frozenset(path for path in self._written() - self.committed if folder in path.parts)

    def unlock(self) -> None:
        pass

    def _written(self) -> set[Path]:
        return set(self.folder.glob("migrations/*/*/[!.]*.toml"))

    def pack(self) -> None:
        pass

    def commit(self, message: CommitMessage, files: Sequence[Path] | None = None) -> str | None:
        if self.broken:
            raise HistoryError("git commit failed.", "Make room.")
        self.committed |= set(files) if files is not None else self._written()
        self.subjects.append(message.subject if files is None else f"{message.subject} ({len(files)} files)")
        return str(len(self.subjects))


@dataclass(slots=True)
class Wish:
    """What a VM's spec says."""

    host: str
    method: str = "auto"
    more: str = ""


class World:
    """Three hosts, three VMs, one daemon."""

    def __init__(self, folder: Path) -> None:
        clock = HandClock()
        self.baton = Baton(clock)
        self.commits = Commits(folder=folder / "state")
        self.house = House(
            folder,
            folder / "specs",
            clock=clock,
            work=self.baton,
            make_stop=lambda: HandStop(self.baton),
            news=HandNews(self.baton),
            history=self.commits,
            open_specs=lambda specs: FolderSource(folder=specs),
        )
        self.disk = Disk(folder / "state", self.baton)
        self.accidents = Accidents(self.house.fleet)
        self.wishes: dict[str, Wish] = {}
        self.written: Counter[str] = Counter()
        """By VM: the last number that its guest was told to be on its disk."""
        self.attempts: dict[str, str] = {}
        """Every id that was seen in the journal, and its VM."""
        self.down: set[str] = set()
        """VMs that somebody else than ferryman powered off."""
        self.forgotten: set[str] = set()
        """VMs of which a person left a definition behind: a person is asked to remove it."""
        self._parsed: dict[Path, tuple[int, int]] = {}
        for vm, host in zip(VMS, HOSTS, strict=True):
            self.house.at(host).add_vm(vm, disk=_content(vm, 0)).autostart = vm in ARMED
            self.wish(vm, Wish(host=host))
        for host in HOSTS:
            self.house.at(host).faults.around_calls = lambda _: self.baton.passes()
        watch(self.disk)
        self.daemon: Daemon = self.house.start()

    def wish(self, vm: str, wish: Wish) -> None:
        """Write the VM's spec."""
        self.wishes[vm] = wish
        self.house.vm(vm, wish.host, f'method = "{wish.method}"\n{wish.more}\n[cold]\nshutdown_timeout_s = 1\n')

    def look(self) -> None:
        """The daemon looks once. It may be killed on the way, and is then started again."""
        for vm in VMS:
            self.house.fleet.plan_jobs(vm, _JOBS)
        try:
            self.daemon.look()
        except Killed:
            self.crash()

    def crash(self) -> None:
        """SIGKILL; and a new daemon on the same folder."""
        self.disk.dies_after = None
        self.baton.kill()
        self.accidents.daemon_dies()
        self.daemon.view.close()
        self.daemon.store.close()
        self.house.daemons.clear()
        read_only, self.disk.read_only = self.disk.read_only, False
        self.daemon = self.house.start()
        self.disk.read_only = read_only

    def stop(self) -> None:
        """SIGTERM; and a new daemon."""
        with suppress(Killed):
            self.daemon.stop.set()
            self.daemon.loop.close(20)
        self.crash()

    def guest_writes(self, vm: str) -> bool:
        """The running guest writes a number, and is told that it is on its disk."""
        stored = [
            host.volumes.stored(disk.path)
            for host in self.house.fleet.hosts.values()
            if (domain := host.domains.known.get(vm)) is not None and domain.power is Power.RUNNING
            for disk in host.domains.files(domain)
        ]
        for volume in stored:
            assert volume is not None, f"{vm} runs without its disk"
            self.written[vm] += 1
            volume.write(_content(vm, self.written[vm]))
        return bool(stored)

    def newest_at(self, vm: str) -> list[str]:
        """The hosts whose pool holds what the guest wrote last."""
        wanted = _content(vm, self.written[vm])
        return [
            name
            for name, host in self.house.fleet.hosts.items()
            if any(volume.content == wanted for volume in host.pools["vms"].volumes.values())
        ]

    def held(self) -> frozenset[str]:
        """The VMs whose newest attempt waits for a person."""
        newest = {record.vm: record for record in self.records()}
        return frozenset(vm for vm, record in newest.items() if record.outcome is Outcome.HELD)

    def records(self) -> list[MigrationRecord]:
        """The audit records, oldest first; each must be readable."""
        damaged: list[str] = []
        found = list(audit.records(self.house.state, on_damaged=lambda error: damaged.append(error.reason)))
        assert damaged == []
        return list(in_order(found))  # not by the wall's clock, which is set back now and then

    def has_open_move(self, vm: str) -> bool:
        """Whether ferryman has its hands on it."""
        begun = any(task.name == f"move {vm}" for task in self.baton.tasks)
        return begun or (self.house.state / "journal" / f"{vm}.toml").exists()

    def step_of(self, vm: str) -> Step | None:
        """How far its move has come; None: nobody moves it, so far as the journal knows."""
        entries = Journal(self.house.state).entries()
        return next((entry.step for entry in entries if entry.vm == vm), None)

    def somebody_starts(self, vm: str) -> bool:
        """A person starts a VM that is off and that nobody moves, where its newest disk is; False: it cannot be."""
        known = {name: host.domains.known.get(vm) for name, host in self.house.fleet.hosts.items()}
        there = {name: domain for name, domain in known.items() if domain is not None}
        if self.has_open_move(vm) or any(domain.power is not Power.SHUT_OFF for domain in there.values()):
            return False
        for name in set(self.newest_at(vm)) & there.keys():
            there[name].power = Power.RUNNING
            self.down.discard(vm)
            return True
        return False

    def somebody_moves(self, vm: str, source: str, destination: str) -> None:
        """A person moves it live; in the middle of a move of ferryman's, old disks and definition are forgotten."""
        under_way = self.step_of(vm) not in (None, Step.PREPARING)
        if self.accidents.carried_off(vm, source, destination, keeps_definition=under_way) and under_way:
            self.forgotten.add(vm)

    def heal(self) -> None:
        """Every fault is gone, every spec in order, every guest obeys."""
        self.disk.read_only, self.disk.dies_after, self.commits.broken = False, None, False
        for name, host in self.house.fleet.hosts.items():
            self.house.host(name)
            host.faults.heal()
            for domain in host.domains.known.values():
                domain.shutdown = Shutdown.OBEYS
        for vm, wish in self.wishes.items():
            self.wish(vm, wish)

    def settle(self) -> None:
        """All moves come to their ends."""
        for _ in range(_MOST_TURNS):
            if not self.baton.tasks:
                return
            self.baton.round()
        raise AssertionError(f"{[task.name for task in self.baton.tasks]} do not come to an end")

    def dies(self, host: str, vm: str) -> None:
        """A VM's QEMU on this host, and all that is left of the guest with it if it ran there."""
        known = self.house.at(host).domains.known.get(vm)
        if known is not None and known.power is not Power.SHUT_OFF:
            self.down.add(vm)
        self.accidents.qemu_dies(host, vm)

    def power_is_cut(self, host: str) -> None:
        """The host goes off and on; what is armed runs again."""
        self.down |= self.house.at(host).domains.known.keys()
        self.accidents.power_cut(host)

    def comes_to_rest(self) -> Look:
        """Without faults every VM is where its spec wants it and as it was, or a person is told what to decide."""
        self.heal()
        for _ in range(_MOST_ROUNDS):
            self.look()
            self.settle()
            self.check()
            self.house.clock.passed_s += _NEXT_RETRY_S
            found = self.daemon.look()
            if not found.moving and not any(isinstance(one, Wait) for one in found.statuses.values()):
                self._check_rest(found)
                return found
        raise AssertionError(f"does not come to rest: {found}")

    def _check_rest(self, found: Look) -> None:
        held = self.held()
        for vm, status in found.statuses.items():
            if vm in held:
                assert not isinstance(status, Refused) or all(finding.remedy for finding in status.findings)
                continue
            if vm in self.forgotten and isinstance(status, Refused) and status.reason is StallReason.ON_TWO_HOSTS:
                continue
            if isinstance(status, Refused) and self._asks_of_a_held_attempt(status):
                continue
            assert isinstance(status, (UpToDate, Drifted)), f"{vm}: {status}"
            assert vm in self.down or self.house.fleet.running(vm), f"{vm} ran, and is off"
            assert len(self.house.fleet.defined(vm)) == 1, f"{vm} is defined on {self.house.fleet.defined(vm)}"
        self.check()
        self.check_records()

    def _asks_of_a_held_attempt(self, status: Refused) -> bool:
        """Whether all that is in the way is what an attempt created that was left for a person, who is told so."""
        held = [one.id for one in self.records() if one.vm == status.vm and one.outcome is Outcome.HELD]
        asked = [finding for finding in status.findings if any(attempt in finding.reason for attempt in held)]
        return bool(asked) and asked == list(status.findings) and all(finding.remedy for finding in asked)

    def check_records(self) -> None:
        """Nothing is open, and every attempt that was ever seen has one record; none ends before it began."""
        left_open = {path.name: path.read_text() for path in (self.house.state / "journal").glob("[!.]*.toml")}
        assert left_open == {}
        records = self.records()
        recorded = Counter(record.id for record in records)
        assert {attempt for attempt in self.attempts if recorded[attempt] != 1} == set()
        assert [record.id for record in records if record.finished_at < record.started_at] == []

    def check(self) -> None:
        """What must hold after every single step."""
        fleet = self.house.fleet
        assert fleet.violations == []
        assert self.house.heard.bugs == []
        for vm in VMS:
            running = fleet.running(vm)
            assert len(running) <= 1, f"{vm} runs on {running}"
            there = [name for name, host in fleet.hosts.items() if vm in host.domains.known]
            assert there, f"{vm} is nowhere any more"
            newest = self.newest_at(vm)
            assert newest, f"{vm}: what it wrote last is nowhere any more"
            assert set(running) <= set(newest), f"{vm} runs on {running}, its newest disk is on {newest}"
        self._check_files()

    def _check_files(self) -> None:
        """Every file that changed can be read."""
        for folder, kind in _KINDS.items():
            for path in (self.house.state / folder).glob("[!.]*.toml"):
                facts = path.stat()
                mark = (facts.st_ino, facts.st_mtime_ns)
                if self._parsed.get(path) == mark:
                    continue
                value = toml_files.read(path, kind)
                if isinstance(value, JournalEntry):
                    self.attempts[value.id] = value.vm
                self._parsed[path] = mark

    def close(self) -> None:
        """Nothing of it goes on."""
        self.baton.kill()
        watch(None)
        self.house.close()


def _content(vm: str, number: int) -> Runs:
    return (f"{vm} {number}".encode().ljust(64), _HOLE)
