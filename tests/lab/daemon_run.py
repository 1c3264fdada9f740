"""The daemon as a user runs it: a specs repository, `ferryman run` beside the lab's hosts, and what it writes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from running import RunningLab

from ferryman.records import audit, toml_files
from ferryman.records.values import Condition, ConditionType, HostState, MigrationRecord, VmState

CONVERGES_WITHIN_S = 60.0
_STOPS_WITHIN_S = 60.0
_LOOK_EVERY_S = 0.05


class DaemonTrouble(AssertionError):
    """The daemon did not do what the test waits for; the message ends with its log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecsRepository:
    """A git repository of specs, as a user has one."""

    folder: Path

    @classmethod
    def of_lab(cls, lab: RunningLab, folder: Path, *vms: str) -> SpecsRepository:
        """The lab's own fleet with these VMs, each wanted where it is now; committed."""
        folder.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(lab.folder / "specs", folder)
        repository = cls(folder=folder)
        for path in (folder / "vms").glob("*.toml"):
            if path.stem not in vms:
                path.unlink()
        for vm in vms:
            (home,) = lab.whereabouts(vm)
            text = repository.read(f"vms/{vm}.toml")
            before = next(line for line in text.splitlines() if line.startswith("host = "))
            repository.write(f"vms/{vm}.toml", text.replace(before, f'host = "{home}"'))
        repository.git("init", "--quiet", "--initial-branch=main")
        repository.commit("The fleet as it is")
        return repository

    def git(self, *arguments: str) -> str:
        """Run git there as one fixed person; it must succeed."""
        me = ["-c", "user.name=Tester", "-c", "user.email=tester@localhost"]
        done = subprocess.run(
            ["git", "-C", str(self.folder), *me, *arguments], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def read(self, file: str) -> str:
        """A file of the working tree."""
        return (self.folder / file).read_text()

    def write(self, file: str, text: str) -> None:
        """Edit the working tree only."""
        (self.folder / file).write_text(text)

    def replace(self, file: str, before: str, after: str) -> None:
        """Edit one place of one file in the working tree only."""
        text = self.read(file)
        assert text.count(before) == 1, f"{before!r} in {text}"
        self.write(file, text.replace(before, after))

    def append(self, file: str, text: str) -> None:
        """Add to the end of a file in the working tree only."""
        self.write(file, self.read(file) + text)

    def home(self, vm: str) -> str:
        """The host that the working tree wants the VM on."""
        return str(tomllib.loads(self.read(f"vms/{vm}.toml"))["host"])

    def commit(self, message: str) -> str:
        """Commit all edits; the revision."""
        self.git("add", "--all")
        self.git("commit", "--quiet", f"--message={message}")
        return self.git("rev-parse", "HEAD")

    def move(self, vm: str, host: str) -> str:
        """Commit that this VM is to be on that host; the revision."""
        self.replace(f"vms/{vm}.toml", f'host = "{self.home(vm)}"', f'host = "{host}"')
        return self.commit(f"Move {vm} to {host}")

    def maintain(self, host: str) -> str:
        """Commit that this host is in maintenance; the revision."""
        self.replace(f"hosts/{host}.toml", f'name = "{host}"\n', f'name = "{host}"\nmaintenance = true\n')
        return self.commit(f"Maintenance of {host}")


@dataclass(slots=True, kw_only=True)
class DaemonRun:
    """The daemon on one specs repository and one state folder; started and stopped any number of times."""

    lab: RunningLab
    specs: SpecsRepository
    state: Path
    log: Path
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @contextmanager
    def running(self, *options: str) -> Iterator[DaemonRun]:
        """Run it for the block; at its end it must stop cleanly, unless the block already ended it."""
        self.start(*options)
        try:
            yield self
        except BaseException:
            self.kill()
            raise
        self.stop()

    def start(self, *options: str) -> None:
        """Start it in the background, with these options of `ferryman run`."""
        assert self._process is None, "it is running"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command("run", *options, "--specs", str(self.specs.folder)),
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    def stop(self) -> None:
        """SIGTERM; it must end well and soon. Nothing happens where it was ended already."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        code = self._wait()
        if code != 0:
            raise DaemonTrouble(f"exit code {code} after SIGTERM\n{self.log_text()}")

    def kill(self) -> None:
        """SIGKILL, to it and its children; nothing happens where it was ended already."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._wait()

    def once(self, timeout_s: float = 120) -> int:
        """`ferryman run --once` to its end; the exit code."""
        with self.log.open("ab") as log:
            done = subprocess.run(
                self.command("run", "--once", "--specs", str(self.specs.folder)),
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                timeout=timeout_s,
                check=False,
            )
        return done.returncode

    def ferryman(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Another command of the program, on the same state folder."""
        return subprocess.run(self.command(*arguments), capture_output=True, text=True, timeout=60, check=False)

    def command(self, *arguments: str) -> list[str]:
        """`ferryman ARGUMENTS --state FOLDER` beside the lab's hosts. The process id is the daemon's own."""
        ferryman = [sys.executable, "-m", "ferryman.cli", *arguments, "--state", str(self.state)]
        # As `ferryman lab exec` does, without its start: these tests run the program some sixty times.
        return self.lab.ledger.operator.enter(ferryman, folder=Path.cwd())

    def vm(self, name: str) -> VmState | None:
        """What the state folder says of a VM now."""
        path = self.state / "vms" / f"{name}.toml"
        return toml_files.read(path, VmState) if path.exists() else None

    def host(self, name: str) -> HostState | None:
        """What the state folder says of a host now."""
        path = self.state / "hosts" / f"{name}.toml"
        return toml_files.read(path, HostState) if path.exists() else None

    def records(self, vm: str | None = None) -> list[MigrationRecord]:
        """The audit records, oldest first."""
        return sorted(audit.records(self.state, vm=vm), key=lambda record: record.started_at)

    def messages(self) -> list[str]:
        """The state repository's commit messages, newest first."""
        log = ["git", "-C", str(self.state), "log", "--format=%B%x00"]
        done = subprocess.run(log, capture_output=True, text=True, check=True)
        return [message.strip() for message in done.stdout.split("\0") if message.strip()]

    def until(self, holds: Callable[[], bool], what: str, within_s: float = CONVERGES_WITHIN_S) -> None:
        """Look again until it holds; DaemonTrouble after `within_s`, or as soon as the daemon has ended."""
        deadline = time.monotonic() + within_s
        while not holds():
            if self._process is not None and self._process.poll() is not None:
                raise DaemonTrouble(f"the daemon ended before: {what}\n{self.log_text()}")
            if time.monotonic() > deadline:
                raise DaemonTrouble(f"not within {within_s:g} s: {what}\n{self._all_said()}\n{self.log_text()}")
            time.sleep(_LOOK_EVERY_S)

    def until_in_place(self, vm: str, host: str, within_s: float = CONVERGES_WITHIN_S) -> None:
        """Wait until the state folder says that the VM is ready on that host."""
        self.until(lambda: _is_ready(self.vm(vm), host), f"{vm} is ready on {host}", within_s)

    def until_said(self, vm: str, kind: ConditionType, reason: str, within_s: float = CONVERGES_WITHIN_S) -> Condition:
        """Wait until the state folder says this of the VM; the condition."""
        self.until(lambda: _said(self.vm(vm), kind, reason) is not None, f"{vm}: {kind} ({reason})", within_s)
        condition = _said(self.vm(vm), kind, reason)
        assert condition is not None, "it changed at once"
        return condition

    def log_text(self) -> str:
        """Everything that it printed."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def _wait(self) -> int:
        assert self._process is not None
        try:
            return self._process.wait(_STOPS_WITHIN_S)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            raise DaemonTrouble(f"did not stop within {_STOPS_WITHIN_S:g} s\n{self.log_text()}") from None
        finally:
            self._process = None

    def _all_said(self) -> str:
        return "\n".join(path.read_text() for path in sorted(self.state.glob("*s/*.toml")))


def trailers(message: str) -> dict[str, Any]:
    """The `Key: value` lines that end a commit's message."""
    last = message.rpartition("\n\n")[2]
    return dict(line.partition(": ")[::2] for line in last.splitlines())


def make(lab: RunningLab, folder: Path, vms: Sequence[str]) -> DaemonRun:
    """A daemon, not started yet, with a specs repository of these VMs as they are now."""
    specs = SpecsRepository.of_lab(lab, folder / "specs", *vms)
    return DaemonRun(lab=lab, specs=specs, state=folder / "state", log=folder / "daemon.log")


def _is_ready(state: VmState | None, host: str) -> bool:
    return (
        state is not None
        and state.host == host
        and state.placed is not None
        and state.placed.host == host
        and [condition.type for condition in state.conditions] == [ConditionType.READY]
    )


def _said(state: VmState | None, kind: ConditionType, reason: str) -> Condition | None:
    conditions = state.conditions if state is not None else ()
    return next((one for one in conditions if (one.type, one.reason) == (kind, reason)), None)
