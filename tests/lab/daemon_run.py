"""The daemon as a user runs it: `ferryman run` beside the lab's hosts, on a repository of specs; and what it writes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from running import RunningLab
from specs_repository import SpecsRepository

from ferryman.records import toml_files
from ferryman.records.audit import whole as audit
from ferryman.records.audit.query import ALL, Query
from ferryman.records.audit.record import MigrationRecord
from ferryman.records.state.states import Condition, ConditionType, HostState, VmState

CONVERGES_WITHIN_S = 60.0
_STOPS_WITHIN_S = 60.0
_LOOK_EVERY_S = 0.05


class DaemonError(AssertionError):
    """The daemon did not do what the test waits for; the message ends with its log."""


@dataclass(slots=True, kw_only=True)
class DaemonRun:
    """The daemon on one specs repository and one state folder; started and stopped any number of times."""

    lab: RunningLab
    specs: SpecsRepository
    state: Path
    log: Path
    program: tuple[str, ...] = ("-m", "ferryman.cli")
    """What Python runs."""
    wrapper: tuple[str, ...] = ()
    """What runs it, such as `env`."""
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

    @contextmanager
    def resumed(self, *options: str) -> Iterator[DaemonRun]:
        """As `running`, whether it runs already or was ended."""
        if self._process is None:
            self.start(*options)
        yield self
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
            raise DaemonError(f"exit code {code} after SIGTERM\n{self.log_text()}")

    def kill(self) -> None:
        """SIGKILL, to it and its children; nothing happens where it was ended already."""
        if self._process is not None:
            # It may have ended by itself, and its children with it.
            with suppress(ProcessLookupError):
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
        ferryman = [*self.wrapper, sys.executable, *self.program, *arguments, "--state", str(self.state)]
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
        return sorted(audit.records(self.state, Query.of_vm(vm) if vm else ALL), key=lambda record: record.started_at)

    def messages(self) -> list[str]:
        """The state repository's commit messages, newest first."""
        log = ["git", "-C", str(self.state), "log", "--format=%B%x00"]
        done = subprocess.run(log, capture_output=True, text=True, check=True)
        return [message.strip() for message in done.stdout.split("\0") if message.strip()]

    def until(self, holds: Callable[[], bool], what: str, within_s: float = CONVERGES_WITHIN_S) -> None:
        """Look again until it holds; DaemonError after `within_s`, or as soon as the daemon has ended."""
        deadline = time.monotonic() + within_s
        while not holds():
            if self._process is not None and self._process.poll() is not None:
                raise DaemonError(f"the daemon ended before: {what}\n{self.log_text()}")
            if time.monotonic() > deadline:
                raise DaemonError(f"not within {within_s:g} s: {what}\n{self._all_said()}\n{self.log_text()}")
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

    def until_reason(self, vm: str, reason: str, within_s: float = CONVERGES_WITHIN_S) -> Condition:
        """As `until_said`, whatever the condition's type is."""
        self.until(lambda: _because(self.vm(vm), reason) is not None, f"{vm}: {reason}", within_s)
        condition = _because(self.vm(vm), reason)
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
            raise DaemonError(f"did not stop within {_STOPS_WITHIN_S:g} s\n{self.log_text()}") from None
        finally:
            self._process = None

    def _all_said(self) -> str:
        return "\n".join(path.read_text() for path in sorted(self.state.glob("*s/*.toml")))


def trailers(message: str) -> dict[str, str]:
    """The `Key: value` lines that end a commit's message."""
    last = message.rpartition("\n\n")[2]
    parts = (line.partition(": ") for line in last.splitlines())
    return {key: value for key, _, value in parts}


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


def _because(state: VmState | None, reason: str) -> Condition | None:
    conditions = state.conditions if state is not None else ()
    return next((one for one in conditions if one.reason == reason), None)


def _said(state: VmState | None, kind: ConditionType, reason: str) -> Condition | None:
    conditions = state.conditions if state is not None else ()
    return next((one for one in conditions if (one.type, one.reason) == (kind, reason)), None)
