"""The state folder's git history: one commit per change that means something.

The repository is the folder's own, whatever repository lies around it, and only its own configuration counts:
the user's signing keys and hooks stay out of the daemon's way.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Protocol

from ferryman.records import atomic_files
from ferryman.records.errors import HistoryError, RecordError
from ferryman.records.state.messages import CommitMessage
from ferryman.records.toml_files import content
from ferryman.specs.git_repository import GitError, GitFailure, GitRepository

KEPT = ("fleet.toml", "vms", "hosts", "migrations", "removals", ".gitignore", "README.md")
"""All that is ever staged."""

BENCH = "bench"
"""Runs of `ferryman bench`: their moves are audit records, too."""

IGNORED = (
    "/journal/",
    "/live/",
    "/requests/",
    "/samples/",
    "/daemon-id",
    "/in-force.json",
    "/cache/",
    f"/{BENCH}/",
    "/.lock",
    ".*.tmp",
)

SETTINGS = (
    "user.name=ferryman",
    "user.email=ferryman@localhost",
    # By default git does not fsync new objects: a power cut could leave a branch that points to nothing.
    "core.fsync=committed",
    "core.fsyncMethod=batch",
    # Packing is done when the folder is opened, never while a migration waits for its commit.
    "maintenance.auto=false",
    "gc.autoDetach=false",
    "core.quotePath=false",
)

BEGINNING = CommitMessage(subject="Begin the history of this state folder")

_MOST_OF_IGNORED = 1024 * 1024

_SETTING_ARGUMENTS = tuple(part for setting in SETTINGS for part in ("-c", setting))

ENVIRONMENT = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}


class Commits(Protocol):
    """What the state folder asks of a history."""

    def prepare(self) -> None:
        """Have it ready to be added to."""
        ...

    def pack(self) -> None:
        """Make it smaller, where that is worth while."""
        ...

    def uncommitted(self, folder: str) -> frozenset[Path]:
        """The files below this one of its folders that no commit holds yet."""
        ...

    def unlock(self) -> None:
        """Take away what a killed git left locked; only for the folder's one writer."""
        ...

    def commit(self, message: CommitMessage, files: Sequence[Path] | None = None) -> str | None:
        """Add what changed; its id there, or None where nothing had changed."""
        ...


class StateRepository:
    """The commits of one state folder. Safe to use from several threads."""

    def __init__(self, folder: Path) -> None:
        """Touches nothing."""
        self._folder = folder
        self._git_dir = folder / ".git"
        # The repository is named outright, so that git never goes looking in the folders above.
        self._own = GitRepository(directory=folder, git_dir=self._git_dir, environment=ENVIRONMENT)
        self._one_at_a_time = Lock()

    def prepare(self) -> None:
        """Make the repository, and its `.gitignore` as first commit, where they are missing.

        Raises HistoryError, StateUnwritableError.
        """
        begun = (self._git_dir / "HEAD").is_file()
        if not begun:
            atomic_files.make_folder(self._folder)
            self._make_repository()
        self._ignore_the_volatile()
        if not begun:
            self._stage((self._folder / ".gitignore",))
            self._commit_staged(BEGINNING)

    def uncommitted(self, folder: str) -> frozenset[Path]:
        """The files below this one of its folders that no commit holds as they are. Raises HistoryError."""
        question = ("status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all", "--", folder)
        # Two letters and a blank before each path.
        entries = self._git(*question).split(b"\0")
        return frozenset(self._folder / os.fsdecode(entry[3:]) for entry in entries if entry)

    def unlock(self) -> None:
        """Remove the locks that a git left which was killed, or whose machine lost power.

        Only for the folder's one writer, with no git of its own at work. Raises StateUnwritableError.
        """
        locks = (*self._git_dir.glob("*.lock"), *(self._git_dir / "refs" / "heads").rglob("*.lock"))
        for lock in locks:
            atomic_files.remove(lock, durable=False)

    def pack(self) -> None:
        """Pack loose objects, where there are many. Raises HistoryError."""
        self._git("gc", "--auto", "--quiet")

    def commit(self, message: CommitMessage, files: Sequence[Path] | None = None) -> str | None:
        """Commit what changed, in one commit; its id, or None where nothing had changed.

        `files` (absolute, inside the folder; removed ones too) limits the commit to these, so that one
        migration's commit holds nothing of another's; None: everything. Raises HistoryError: the files stay
        as written, and the next commit of everything takes them in.
        """
        with self._one_at_a_time:
            # The folder may have been deleted under a running daemon.
            self.prepare()
            self._stage(files)
            if not self._commit_staged(message):
                return None
            return self._git("rev-parse", "HEAD").decode().strip()

    def _make_repository(self) -> None:
        # Without --git-dir, and yet never a repository above: init makes one in the folder it runs in.
        here = GitRepository(directory=self._folder, environment=ENVIRONMENT)
        try:
            here.run(("init", "--quiet", "--initial-branch=main", "--template="))
        except GitError as error:
            raise self._trouble("init", error) from error

    def _commit_staged(self, message: CommitMessage) -> bool:
        text = message.text().encode("utf-8", "replace")
        try:
            self._git("commit", "--quiet", "--cleanup=verbatim", "--file=-", standard_input=text)
        except HistoryError:
            # Asked only now, because nearly every call has something to commit.
            if self._nothing_staged():
                return False
            raise
        return True

    def _stage(self, files: Sequence[Path] | None) -> None:
        if files is None:
            kept = [name for name in KEPT if (self._folder / name).exists() or self._tracks(name)]
            self._git("add", "--all", "--", *kept)
            return
        names = b"".join(os.fsencode(file.relative_to(self._folder)) + b"\0" for file in files)
        self._git("update-index", "--add", "--remove", "-z", "--stdin", standard_input=names)

    def _tracks(self, name: str) -> bool:
        return bool(self._git("ls-files", "--", name))

    def _nothing_staged(self) -> bool:
        try:
            self._git("diff", "--cached", "--quiet")
        except HistoryError:
            return False
        return True

    def _ignore_the_volatile(self) -> None:
        path = self._folder / ".gitignore"
        try:
            present = content(path, _MOST_OF_IGNORED)
        except RecordError:
            present = b""  # not there, or nothing that git could use
        missing = [line for line in map(str.encode, IGNORED) if line not in present.splitlines()]
        if missing:
            before = present if not present or present.endswith(b"\n") else present + b"\n"
            atomic_files.replace(path, before + b"".join(line + b"\n" for line in missing))

    def _git(self, *arguments: str, standard_input: bytes = b"") -> bytes:
        try:
            return self._own.run((*_SETTING_ARGUMENTS, *arguments), standard_input)
        except GitError as error:
            trouble = self._trouble(arguments[0], error)
            if error.reason is GitFailure.TIMED_OUT:
                self.unlock()  # it was killed, with all that it had started
            raise trouble from error

    def _trouble(self, command: str, error: GitError) -> HistoryError:
        if error.reason is GitFailure.NOT_INSTALLED:
            return HistoryError(f"git cannot be run: {error.stderr}.", "Install it: apt install git.")
        if error.reason is GitFailure.TIMED_OUT:
            return HistoryError(
                f"git {command} in {self._folder}: {error.stderr}.",
                "See whether the folder's file system answers (ls, df); the next commit catches up.",
            )
        if (lock := self._git_dir / "index.lock").exists():
            return HistoryError(
                f"{lock} keeps ferryman from committing.",
                f"Another git command works there or was interrupted; if none is running: rm {lock}",
            )
        said = error.stderr.splitlines() or ["it says nothing"]
        return HistoryError(
            f"git {command} in {self._folder} failed: {said[0]}.",
            "Make room if the disk is full. If the repository is damaged, move it aside "
            f"(mv {self._git_dir} {self._git_dir}.damaged): ferryman begins a new one, and the files stay.",
        )
