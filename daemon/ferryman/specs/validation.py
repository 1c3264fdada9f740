"""Check a working folder before it is committed: what is on the disk, uncommitted edits included."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from ferryman.specs.checks import conflicting_homes, probed_from_home
from ferryman.specs.files import FLEET_FILE, HOSTS_FOLDER, VMS_FOLDER
from ferryman.specs.folder import FolderSource
from ferryman.specs.loading import ParseCache, Specs, load
from ferryman.specs.problems import Problem, ProblemCode, did_you_mean
from ferryman.specs.source import Revision, SourceError


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationReport:
    """All that is wrong with a folder of specs; it is good where `problems` is empty."""

    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...] = ()
    """What will work and is most likely not meant."""
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
    problems = (*outcome.problems, *_overlooked(path))
    warnings = (*conflicting_homes(outcome.vms), *probed_from_home(outcome.vms)) if isinstance(outcome, Specs) else ()
    return ValidationReport(problems=problems, warnings=warnings, counts=_counts(tree.files), revision=tree.revision)


def _overlooked(folder: Path) -> tuple[Problem, ...]:
    """Files that were most likely meant to be specs, and that nobody reads for their name's ending."""
    return tuple(
        Problem(
            file=f"{name}/{file.name}",
            code=ProblemCode.MISPLACED,
            message="is not read: its name does not end in .toml",
            remedy=f"rename it: mv {file} {file.with_name(file.name.split('.', 1)[0] + '.toml')}",
        )
        for name in (HOSTS_FOLDER, VMS_FOLDER)
        for file in sorted((folder / name).glob("[!.]*"))
        if file.is_file() and _nearly_toml(file.name)
    )


def _nearly_toml(name: str) -> bool:
    ending = name.rpartition(".")[2]
    if ending == "toml" or "." not in name or name.endswith("~"):
        return False
    return did_you_mean(ending.lower(), ["toml"]) is not None or name.lower().endswith(".toml.txt")


def _counts(paths: Collection[str]) -> Mapping[str, int]:
    return {
        "fleet": int(FLEET_FILE in paths),
        "hosts": sum(path.startswith(f"{HOSTS_FOLDER}/") for path in paths),
        "vms": sum(path.startswith(f"{VMS_FOLDER}/") for path in paths),
    }
