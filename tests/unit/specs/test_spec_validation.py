"""A person validates before the commit: the disk counts, and the repository's own example is good."""

from __future__ import annotations

from pathlib import Path

from spec_trees import GOOD, new_repository, write

from ferryman.specs.folder import FolderSource
from ferryman.specs.loading import ParseCache, Specs, load
from ferryman.specs.problems import ProblemCode
from ferryman.specs.validation import validate

EXAMPLE = Path(__file__).parents[3] / "specs"


def test_the_example_fleet_is_good() -> None:
    report = validate(EXAMPLE)
    assert report.problems == ()
    assert report.counts == {"fleet": 1, "hosts": 2, "vms": 1}
    specs = load(FolderSource(folder=EXAMPLE).current(), None, ParseCache())
    assert isinstance(specs, Specs)
    assert specs.hosts["skopje"].effective_migration_address == "10.77.0.12"
    assert specs.vms["guest-01"].probe.address == "10.77.0.101"


def test_uncommitted_edits_count(tmp_path: Path) -> None:
    repository = new_repository(tmp_path / "fleet", GOOD)
    assert validate(repository).problems == ()
    write(repository, {"vms/guest-01.toml": "nonsense", "hosts/skopje.toml": "x = 1"})
    files = {problem.file for problem in validate(repository).problems}
    assert files == {"vms/guest-01.toml", "hosts/skopje.toml"}


def test_a_folder_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    report = validate(tmp_path / "nowhere")
    assert [problem.code for problem in report.problems] == [ProblemCode.SOURCE]
    assert report.revision is None
