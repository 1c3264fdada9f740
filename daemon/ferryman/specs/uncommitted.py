"""Edits in a working tree of specs that are not committed, and so do not count."""

from __future__ import annotations

import os
from pathlib import Path

from ferryman.specs.git_repository import GitError, GitRepository
from ferryman.specs.source import WATCHED_NAMES


def uncommitted(folder: Path) -> tuple[str, ...]:
    """The files below a specs folder that differ from the last commit, new ones too; none outside git.

    A question of courtesy: where git cannot answer there is nothing to say, and reading the specs says why.
    """
    repository = GitRepository(directory=folder)
    question = ("status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all", "--")
    try:
        prefix = os.fsdecode(repository.run(("rev-parse", "--show-prefix"))).strip("\n")
        output = os.fsdecode(repository.run((*question, *sorted(WATCHED_NAMES))))
    except GitError:
        return ()
    # Two letters and a blank before each path, which is the repository's.
    return tuple(sorted(entry[3:].removeprefix(prefix) for entry in output.split("\0") if entry))
