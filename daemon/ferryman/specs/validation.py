"""Check a working folder before it is committed: what is on the disk, uncommitted edits included."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from ferryman.specs.files import FLEET_FILE, HOSTS_FOLDER, VMS_FOLDER
from ferryman.specs.folder import FolderSource
from ferryman.specs.loading import ParseCache, load
from ferryman.specs.problems import Problem, ProblemCode
from ferryman.specs.source import Revision, SourceError


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationReport:
    """All that is wrong with a folder of specs; it is good where `problems` is empty."""

    problems: tuple[Problem, ...]
    counts: Mapping[str, int]
    """Files read: `fleet`, `hosts`, `vms`."""
    revision: Revision | None
    """None: the folder could not be read at all."""


def validate(path: Path) -> ValidationReport:
    """Check every file below a specs folder with the very functions that the daemon uses."""
    try:
        tree = FolderSource(folder=path).current()
    except SourceError as error:
        problem = Problem(file=str(path), code=ProblemCode.SOURCE, message=error.reason, remedy=error.remedy)
        return ValidationReport(problems=(problem,), counts=_counts(()), revision=None)
    outcome = load(tree, None, ParseCache())
    return ValidationReport(problems=outcome.problems, counts=_counts(tree.files), revision=tree.revision)


def _counts(paths: Collection[str]) -> Mapping[str, int]:
    return {
        "fleet": int(FLEET_FILE in paths),
        "hosts": sum(path.startswith(f"{HOSTS_FOLDER}/") for path in paths),
        "vms": sum(path.startswith(f"{VMS_FOLDER}/") for path in paths),
    }
