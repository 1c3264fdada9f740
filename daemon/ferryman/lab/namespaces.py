"""Namespaces held by a process: when it ends, the kernel takes all of them away."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ferryman.lab import processes, shell
from ferryman.lab.processes import Process
from ferryman.lab.shell import LabError

# The first line tells the holder's id as the machine sees it: /proc is still the machine's.
# `wait` reaps whatever a dead parent left to it: without that, finished QEMUs stay as
# zombies and every migration waits 40 s for them.
_HOST_HOLDER = """
read -r pid rest </proc/self/stat
cd /
mount -t proc proc /proc
mount -t sysfs sysfs /sys
hostname "$1"
echo "$pid"
exec >/dev/null
while :; do sleep 1000000 & wait; done
"""
_OPERATOR_HOLDER = 'cd /; echo "$$"; exec sleep infinity >/dev/null'


@dataclass(frozen=True, slots=True, kw_only=True)
class Namespace:
    """A set of namespaces, and the process that holds them."""

    holder: Process
    keeper: Process | None = None
    """Its parent, where it is process 1 of a process namespace: each ends with the other."""
    network_inode: int
    """Which network namespace this is, also after its holder was killed."""

    @property
    def alive(self) -> bool:
        """Whether it can be entered."""
        return processes.is_alive(self.holder)

    def enter(self, argv: Sequence[str], *, folder: Path = Path("/")) -> list[str]:
        """The command that runs `argv` in here, with the folder as its working directory."""
        kinds = ["--mount", "--net"] if self.keeper is None else ["--mount", "--net", "--uts", "--pid"]
        return ["nsenter", f"--target={self.holder.pid}", *kinds, f"--wdns={folder}", "--", *argv]

    def run(self, *argv: str, stdin: str = "", timeout_s: float = shell.DEFAULT_TIMEOUT_S) -> str:
        """Run a command in here to its end and return its output; CommandError where it fails."""
        self.require_alive()
        return shell.output(self.enter(argv), stdin=stdin, timeout_s=timeout_s)

    def require_alive(self) -> None:
        """Raise LabError where its holder is gone."""
        if not self.alive:
            raise LabError("a namespace of the lab is gone; run `ferryman lab down`, then `ferryman lab up`")

    def bind(self, source: Path, target: Path | str) -> None:
        """Show the source at the target, in here only."""
        self.run("mount", "--bind", str(source), str(target))


Recorder = Callable[[Process], None]


def hold_operator(log: Path, started: Recorder) -> Namespace:
    """Network and mount namespaces without a process namespace: a command run here keeps its own process id."""
    argv = ["unshare", "--net", "--mount", "sh", "-euc", _OPERATOR_HOLDER]
    holder, _ = _start(argv, log, started)
    return Namespace(holder=holder, network_inode=network_inode(holder.pid))


def hold_host(name: str, log: Path, started: Recorder) -> Namespace:
    """A host's namespaces: whatever runs in them ends with their holder.

    `started` is told the keeper before anything else happens, so that it can be recorded.
    """
    kinds = ["--net", "--mount", "--uts", "--pid"]
    argv = ["unshare", *kinds, "--fork", "--kill-child", "sh", "-euc", _HOST_HOLDER, "ferryman-host", name]
    keeper, pid = _start(argv, log, started)
    holder = processes.identify(pid)
    if holder is None:
        raise LabError(f"host {name} ended as it started; see {log}")
    return Namespace(holder=holder, keeper=keeper, network_inode=network_inode(pid))


def network_inode(pid: int) -> int:
    """Which network namespace the process is in."""
    return Path(f"/proc/{pid}/ns/net").stat().st_ino


def dwellers(inode: int) -> list[Process]:
    """Every process in that network namespace, except this one and its ancestors."""
    spared = _self_and_ancestors()
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) in spared:
            continue
        try:
            inside = network_inode(int(entry.name)) == inode
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended meanwhile
        process = processes.identify(int(entry.name))
        if inside and process is not None:
            found.append(process)
    return found


def is_mounted_on(folder: Path) -> bool:
    """Whether something is mounted there in any process's namespace: removing the folder would take it away there."""
    return any(_mounts_on(folder, entry) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def _mounts_on(folder: Path, process: Path) -> bool:
    try:
        lines = (process / "mountinfo").read_text().splitlines()
    except OSError:
        return False  # it ended meanwhile
    return any(line.split()[4] == str(folder) for line in lines)


def _start(argv: Sequence[str], log: Path, started: Recorder) -> tuple[Process, int]:
    """Start a holder; returns the process started and the id that the holder itself told."""
    read_end, write_end = os.pipe()
    try:
        pid = shell.start(argv, stdout=write_end, log=log)
    finally:
        os.close(write_end)
    with os.fdopen(read_end) as told:
        process = processes.identify(pid)
        if process is not None:
            started(process)
        line = told.readline().strip()
    if process is None or not line:
        raise LabError(f"{argv[0]} could not make namespaces (see {log}); run as root, outside a container")
    return process, int(line)


def _self_and_ancestors() -> set[int]:
    line = {os.getpid()}
    pid = os.getppid()
    while pid > 0:
        line.add(pid)
        pid = processes.parent_of(pid)
    return line
