"""The one door to the git command line: bounded, deaf to the caller's GIT_* environment, never prompting."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from ferryman.specs.bounded import TooMuchError, TooSlowError, run_bounded

MOST_BYTES = 16 * 1024 * 1024
"""Of a command's output, where nothing else is said."""


class GitFailure(StrEnum):
    """Why a git command gave no result."""

    NOT_INSTALLED = "not-installed"
    """There is no git to run: a person installs it."""
    TIMED_OUT = "timed-out"
    """Killed at its deadline; the next look may succeed."""
    TOO_MUCH = "too-much"
    """Killed because it printed more than is ever read."""
    GONE = "gone"
    """The folder it should run in is not there."""
    NOT_A_REPOSITORY = "not-a-repository"
    """No repository contains the folder."""
    FOREIGN_OWNER = "foreign-owner"
    """Another user owns the repository; git refuses until a person trusts it (safe.directory)."""
    FAILED = "failed"
    """Git ran and refused; its stderr says why."""


class GitError(Exception):
    """A git command failed; `reason` says how, `stderr` is git's own text (may be empty)."""

    def __init__(self, reason: GitFailure, stderr: str) -> None:
        """Keep both parts; the message joins them."""
        super().__init__(f"git: {reason}: {stderr}" if stderr else f"git: {reason}")
        self.reason = reason
        self.stderr = stderr


@dataclass(frozen=True, slots=True, kw_only=True)
class GitRepository:
    """A place where git runs.

    With `git_dir` git looks nowhere else for the repository (and does not check who owns it);
    without it git searches from `directory` upwards, and checks.
    """

    directory: Path
    git_dir: Path | None = None
    timeout_s: float = 30.0
    environment: Mapping[str, str] = field(default_factory=dict)
    """Added to the scrubbed environment, e.g. GIT_AUTHOR_NAME."""

    def run(self, args: Sequence[str], stdin: bytes = b"", *, most_bytes: int = MOST_BYTES) -> bytes:
        """Run `git ARGS`, feed it `stdin`, return its stdout, at most so many bytes. Raises GitError, nothing else."""
        command = ["git", "-C", os.fspath(self.directory)]
        if self.git_dir is not None:
            command.append(f"--git-dir={self.git_dir}")
        try:
            done = run_bounded(
                [*command, *args],
                stdin=stdin,
                environment={**_clean_environment(), **self.environment},
                timeout_s=self.timeout_s,
                most_bytes=most_bytes,
            )
        except TooSlowError:
            raise GitError(GitFailure.TIMED_OUT, f"no answer within {self.timeout_s:g} s") from None
        except TooMuchError:
            raise GitError(GitFailure.TOO_MUCH, f"more than {most_bytes >> 10} KiB of answer") from None
        except OSError as error:
            raise GitError(GitFailure.NOT_INSTALLED, str(error)) from error
        if done.code != 0:
            stderr = done.stderr.decode("utf-8", "replace").strip()
            raise GitError(_failure(stderr), stderr)
        return done.stdout


def _clean_environment() -> dict[str, str]:
    """The process's environment without GIT_*: a hook or a shell that started us must not redirect git."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    # C: its messages are matched below. Replace refs would let what is read differ from what was committed.
    return kept | {
        "LC_ALL": "C",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_NO_LAZY_FETCH": "1",
    }


_MESSAGES = (
    ("detected dubious ownership", GitFailure.FOREIGN_OWNER),
    ("not a git repository", GitFailure.NOT_A_REPOSITORY),
    ("cannot change to", GitFailure.GONE),
)


def _failure(stderr: str) -> GitFailure:
    """The failure that git's own words tell of."""
    return next((failure for text, failure in _MESSAGES if text in stderr), GitFailure.FAILED)
