"""What goes wrong with a daemon's own folders, and with the daemon: found by its state folder's lock."""

from __future__ import annotations

import shutil
import time
import tomllib
from pathlib import Path

from ferryman.lab import processes, shell
from ferryman.lab.ledger import Ledger, make_folder
from ferryman.lab.processes import Process
from ferryman.lab.shell import LabError

STEPS = ("preparing", "transferring", "switching", "activating", "starting", "finishing")
"""As the journal names them, in order; not every method has all."""
_LOOK_EVERY_S = 0.0005
_LOCK = ".lock"
_GIT, _BROKEN_GIT, _BEGUN_GIT = ".git", ".git.broken-by-fault", ".git.begun-in-fault"
_UNLIMITED = "unlimited"


def read_only(lab: Ledger, state: Path) -> None:
    """Let the state folder take no file, for whoever runs beside the lab's hosts: its daemons do."""
    _require_folder(state)
    # Made beside and then put over it at once: a mount that somebody writes through cannot be made read-only.
    beside = make_folder(lab.layout.folder / "read-only")
    lab.operator.run("mount", "--bind", str(state), str(beside))
    lab.operator.run("mount", "-o", "remount,ro,bind", str(beside))
    lab.operator.run("mount", "--bind", str(beside), str(state))
    lab.operator.run("umount", str(beside))
    _note(lab, "read-only", state)


def full(lab: Ledger, state: Path) -> None:
    """Let the daemon of this state folder get no byte more into any file, as on a full disk (there: ENOSPC).

    The limit is the process's: it, and what it starts, may make files and not fill them (EFBIG).
    """
    shell.output(["prlimit", "--fsize=0:unlimited", f"--pid={daemon_of(state).pid}"])
    _note(lab, "full", state)


def break_repository(lab: Ledger, repository: Path) -> None:
    """Let git find no repository in this folder."""
    try:
        (repository / _GIT).rename(repository / _BROKEN_GIT)
    except OSError as error:
        raise LabError(f"{repository} has no repository of its own to break: {error.strerror}") from error
    _note(lab, "repository", repository)


def clear(lab: Ledger) -> list[str]:
    """Undo all of these; what was undone, in words."""
    undone = []
    for note in sorted(_notes(lab).glob("*")):
        kind, folder = note.name.split("-at-")[0], Path(note.read_text())
        _undo(lab, kind, folder)
        note.unlink()
        undone.append(f"{folder}: {kind} no more")
    return undone


def wait_for_step(state: Path, vm: str, step: str, timeout_s: float) -> None:
    """Wait until the daemon's journal says that this VM's move has come to a step.

    It is written before the step's effect; this returns about a millisecond later. Raises LabError where the move does
    not come so far in time, or the daemon ends before.
    """
    journal, deadline = state / "journal" / f"{vm}.toml", time.monotonic() + timeout_s
    daemon = daemon_of(state)
    while _step(journal) != step:
        if time.monotonic() > deadline:
            raise LabError(f"no move of {vm} came to the step {step} within {timeout_s:g} s")
        if not processes.is_alive(daemon):
            raise LabError(f"the daemon of {state} ended before {vm}'s move came to the step {step}")
        time.sleep(_LOOK_EVERY_S)


def kill(state: Path) -> None:
    """Kill the daemon of this state folder."""
    processes.end(daemon_of(state))


def daemon_of(state: Path) -> Process:
    """The process that holds the state folder's lock. Raises LabError where none does."""
    try:
        # It begins with the process's number: "4711 on tallinn since …".
        process = processes.identify(int((state / _LOCK).read_text().split()[0]))
    except (OSError, ValueError, IndexError):
        process = None
    if process is None:
        raise LabError(f"no daemon runs on {state}; start one: ferryman lab exec -- ferryman run --state {state} …")
    return process


def _step(journal: Path) -> str:
    try:
        return str(tomllib.loads(journal.read_text()).get("step", ""))
    except FileNotFoundError:
        return ""


def _undo(lab: Ledger, kind: str, folder: Path) -> None:
    if kind == "read-only":
        lab.operator.run("umount", str(folder))
    elif kind == "full":
        _lift_limit(folder)
    elif (folder / _BROKEN_GIT).exists():
        _bring_back(folder)


def _bring_back(repository: Path) -> None:
    """A daemon that found none has begun another, in a state folder: the files are the same, its commits go."""
    if (repository / _GIT).exists():
        # Moved before it is deleted: at no time is there half a repository under that name.
        (repository / _GIT).rename(repository / _BEGUN_GIT)
    (repository / _BROKEN_GIT).rename(repository / _GIT)
    shutil.rmtree(repository / _BEGUN_GIT, ignore_errors=True)


def _lift_limit(state: Path) -> None:
    """Of a daemon that was started since, or that has ended, there is nothing to lift."""
    try:
        daemon = daemon_of(state)
    except LabError:
        return
    shell.attempt(["prlimit", f"--fsize={_UNLIMITED}", f"--pid={daemon.pid}"])


def _note(lab: Ledger, kind: str, folder: Path) -> None:
    (make_folder(_notes(lab)) / f"{kind}-at-{folder.stat().st_ino}").write_text(str(folder))


def _notes(lab: Ledger) -> Path:
    return lab.layout.folder / "faults"


def _require_folder(state: Path) -> None:
    if not state.is_dir():
        raise LabError(f"there is no folder {state}; name the daemon's --state")
