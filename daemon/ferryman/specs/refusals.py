"""Paths that are there but are not read, and why."""

from __future__ import annotations

from ferryman.specs.guard import MAX_BYTES, too_large
from ferryman.specs.problems import Problem, ProblemCode
from ferryman.specs.source import MAX_PATH_CHARACTERS


def link(path: str) -> Problem:
    """The refusal of a symbolic link: what it points to is not part of the revision."""
    return Problem(
        file=path,
        code=ProblemCode.LINK,
        message="is a symbolic link, which is not followed",
        remedy="put the file itself there",
    )


def submodule(path: str) -> Problem:
    """The refusal of a submodule: its content belongs to another repository."""
    return Problem(
        file=path,
        code=ProblemCode.LINK,
        message="is a submodule, which is not read",
        remedy="put the files themselves into this repository",
    )


def subfolder(path: str) -> Problem:
    """The refusal of a folder within `hosts` or `vms`: nobody looks what it holds."""
    return Problem(
        file=path,
        code=ProblemCode.MISPLACED,
        message="is a folder, and what it holds is not read",
        remedy=f"move its files to {path.rpartition('/')[0]}/, or give it a name that begins with a dot",
    )


def unreadable(path: str, reason: str) -> Problem:
    """The refusal of what could not be read, or is no regular file."""
    return Problem(
        file=path,
        code=ProblemCode.UNREADABLE,
        message=f"cannot be read: {reason}",
        remedy="make it a regular file that ferryman's user may read",
    )


def by_measure(path: str, size: int) -> Problem | None:
    """The refusal of a file by its path's length or its size in bytes, before it is read."""
    if len(path) > MAX_PATH_CHARACTERS:
        return unreadable(path[:MAX_PATH_CHARACTERS], f"its path has more than {MAX_PATH_CHARACTERS} characters")
    return too_large(path) if size > MAX_BYTES else None
