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


def test_a_file_that_nobody_reads_for_its_ending_is_a_problem(tmp_path: Path) -> None:
    aside = {"vms/README.md": "", "vms/guest-01.toml~": "", "vms/.x.tml": "", "vms/a.sh": ""}
    write(tmp_path, GOOD | aside | {"vms/guest-02.tml": "x", "hosts/oslo.toml.txt": "y"})
    found = validate(tmp_path).problems
    assert [(problem.file, problem.code) for problem in found] == [
        ("hosts/oslo.toml.txt", ProblemCode.MISPLACED),
        ("vms/guest-02.tml", ProblemCode.MISPLACED),
    ]
    assert found[1].remedy == f"rename it: mv {tmp_path}/vms/guest-02.tml {tmp_path}/vms/guest-02.toml"


def test_vms_that_avoid_each_other_and_have_one_home_are_a_warning(tmp_path: Path) -> None:
    avoiding = 'name = "guest-02"\nhost = "tallinn"\nplacement.avoid = ["guest-01"]\n'
    write(tmp_path, GOOD | {"vms/guest-02.toml": avoiding})
    report = validate(tmp_path)
    assert report.problems == ()
    (warning,) = report.warnings
    assert (warning.file, warning.code) == ("vms/guest-02.toml", ProblemCode.CONFLICTING_HOMES)
    assert "it avoids guest-01, and both have their home on tallinn" in warning.message


def test_a_vm_that_is_probed_from_its_own_home_is_a_warning(tmp_path: Path) -> None:
    probed = 'name = "guest-02"\nhost = "tallinn"\nprobe.from = "{}"\n'
    write(tmp_path, GOOD | {"vms/guest-02.toml": probed.format("skopje")})
    assert validate(tmp_path).warnings == ()
    write(tmp_path, {"vms/guest-02.toml": probed.format("tallinn")})
    (warning,) = validate(tmp_path).warnings
    assert (warning.key, warning.code) == ("probe.from", ProblemCode.PROBED_FROM_HOME)
    assert "name a third host" in warning.remedy


def test_one_migration_address_for_two_hosts_is_a_problem_of_the_fleet(tmp_path: Path) -> None:
    address = 'migration_address = "10.0.0.1"\n'
    write(
        tmp_path, GOOD | {f"hosts/{name}.toml": GOOD[f"hosts/{name}.toml"] + address for name in ("tallinn", "skopje")}
    )
    found = validate(tmp_path).problems
    assert [(problem.file, problem.line, problem.code) for problem in found] == [
        ("hosts/skopje.toml", 3, ProblemCode.DUPLICATE_ADDRESS),
        ("hosts/tallinn.toml", 3, ProblemCode.DUPLICATE_ADDRESS),
    ]


def test_unknown_names_are_told_together_with_a_files_other_errors(tmp_path: Path) -> None:
    broken = (
        'name = "guest-01"\nhost = "talinn"\nmetod = 1\nplacement.hosts = ["oslo"]\nplacement.avoid = ["guest-9"]\n'
        'probe.from = "bergen"\nprobe.form = "skopje"\n'
    )
    write(tmp_path, GOOD | {"vms/guest-01.toml": broken})
    assert [(problem.line, problem.code) for problem in validate(tmp_path).problems] == [
        (2, ProblemCode.UNKNOWN_HOST),
        (3, ProblemCode.UNKNOWN_KEY),
        (4, ProblemCode.UNKNOWN_HOST),
        (5, ProblemCode.UNKNOWN_VM),
        (6, ProblemCode.UNKNOWN_HOST),
        (7, ProblemCode.UNKNOWN_KEY),
    ]
