"""Running the machine's own commands: the one place of the lab that starts processes."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

DEFAULT_TIMEOUT_S = 60.0


class LabError(Exception):
    """Something of the lab failed; the message says what, and what to do about it."""


class CommandError(LabError):
    """A command ended with an error, was not found, or took too long."""

    def __init__(self, argv: Sequence[str], reason: str) -> None:
        """Keep the command and the reason in one readable line."""
        super().__init__(f"{shlex.join(argv)}: {reason}")


def output(argv: Sequence[str], *, stdin: str = "", timeout_s: float = DEFAULT_TIMEOUT_S) -> str:
    """Run to the end and return what it printed; CommandError carries its error output."""
    done = attempt(argv, stdin=stdin, timeout_s=timeout_s)
    if done.returncode != 0:
        raise CommandError(argv, done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}")
    return done.stdout


def attempt(
    argv: Sequence[str], *, stdin: str = "", timeout_s: float = DEFAULT_TIMEOUT_S
) -> subprocess.CompletedProcess[str]:
    """Run to the end, whatever its exit code; CommandError only where it is missing or takes longer."""
    try:
        return subprocess.run(
            argv, input=stdin, capture_output=True, text=True, errors="replace", timeout=timeout_s, check=False
        )
    except FileNotFoundError as error:
        raise CommandError(argv, "not found; install the packages that the README lists") from error
    except subprocess.TimeoutExpired as error:
        raise CommandError(argv, f"still running after {timeout_s:g} s, and was ended") from error


def start(argv: Sequence[str], *, stdout: int, log: Path) -> int:
    """Start a process that outlives this one, in a session of its own; returns its process id.

    It reads nothing, prints to the descriptor `stdout`, and reports errors in `log`.
    """
    log_flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_DUP2, stdout, 1),
        (os.POSIX_SPAWN_OPEN, 2, str(log), log_flags, 0o600),
    ]
    try:
        return os.posix_spawnp(argv[0], list(argv), os.environ, file_actions=actions, setsid=True)
    except FileNotFoundError as error:
        raise CommandError(argv, "not found; install the packages that the README lists") from error


def become(argv: Sequence[str]) -> NoReturn:
    """Replace this process by the command: same process id, terminal and exit code."""
    try:
        os.execvp(argv[0], list(argv))  # noqa: S606 - replacing this process is the point
    except FileNotFoundError as error:
        raise CommandError(argv, "not found; install the packages that the README lists") from error
