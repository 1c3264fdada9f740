"""A broken VM file stalls that VM; what contradicts the fleet holds the revision; nothing is lost by absence."""

from __future__ import annotations

import pytest
from spec_trees import GOOD, GUEST, TALLINN, held, loaded, tree

from ferryman.specs import refusals
from ferryman.specs.choices import Method
from ferryman.specs.loading import Held, ParseCache, Specs, load
from ferryman.specs.problems import ProblemCode

OTHER = 'name = "guest-02"\nhost = "skopje"\n'


def test_good_files_come_into_force() -> None:
    specs = loaded(GOOD)
    assert set(specs.hosts) == {"tallinn", "skopje"}
    assert specs.vms["guest-01"].host == "tallinn"
    assert specs.fleet.settle_ms == 500
    assert specs.problems == ()
    (generation,) = specs.generations.values()
    assert len(generation) == 12


def test_the_fleets_file_may_be_missing() -> None:
    files = {path: text for path, text in GOOD.items() if path != "fleet.toml"}
    assert loaded(files).fleet.settle_ms == 1000


def test_defaults_apply_below_a_vms_own_values() -> None:
    fleet = 'defaults.method = "cold"\n[defaults.probe]\nport = 80\ninterval_ms = 20\n'
    specs = loaded({**GOOD, "fleet.toml": fleet, "vms/guest-01.toml": GUEST + "[probe]\nport = 443\n"})
    vm = specs.vms["guest-01"]
    assert (vm.method, vm.probe.port, vm.probe.interval_ms) == (Method.COLD, 443, 20)


def test_defaults_name_no_vm() -> None:
    outcome = held({**GOOD, "fleet.toml": '[defaults]\nhost = "tallinn"\n'})
    assert [(one.key, one.line) for one in outcome.problems] == [("defaults.host", 2)]


def test_a_broken_vm_keeps_its_last_good_spec_and_the_others_go_on() -> None:
    before = loaded({**GOOD, "vms/guest-02.toml": OTHER})
    moved = GUEST.replace("tallinn", "skopje")
    after = loaded({**GOOD, "vms/guest-01.toml": moved, "vms/guest-02.toml": OTHER + "nonsense"}, before)
    assert after.vms["guest-01"].host == "skopje"
    assert after.vms["guest-02"] == before.vms["guest-02"]
    assert after.generations["guest-02"] == before.generations["guest-02"]
    assert set(after.stalled) == {"guest-02"}
    assert after.problems == after.stalled["guest-02"]


def test_a_vm_that_never_was_good_is_stalled_and_not_in_force() -> None:
    specs = loaded({**GOOD, "vms/guest-02.toml": "nonsense"})
    assert set(specs.vms) == {"guest-01"}
    assert set(specs.stalled) == {"guest-02"}


def test_a_removed_vm_is_no_longer_managed() -> None:
    before = loaded(GOOD)
    after = loaded({path: text for path, text in GOOD.items() if not path.startswith("vms/")}, before)
    assert after.vms == {}
    assert after.stalled == {}


@pytest.mark.parametrize(
    ("text", "key", "line", "code"),
    [
        ('name = "guest-02"\nhost = "talinn"\n', "host", 2, ProblemCode.UNKNOWN_HOST),
        (OTHER + '[placement]\nhosts = ["talinn"]\n', "placement.hosts[0]", 4, ProblemCode.UNKNOWN_HOST),
        (OTHER + '[probe]\nfrom = "talinn"\n', "probe.from", 4, ProblemCode.UNKNOWN_HOST),
        (OTHER + '[placement]\navoid = ["guest-1"]\n', "placement.avoid[0]", 4, ProblemCode.UNKNOWN_VM),
        ('host = "skopje"\nname = "guest-03"\n', "name", 2, ProblemCode.NAME_MISMATCH),
    ],
)
def test_a_name_that_leads_nowhere_stalls_the_vm_that_uses_it(
    text: str, key: str, line: int, code: ProblemCode
) -> None:
    specs = loaded({**GOOD, "vms/guest-02.toml": text})
    (problem,) = specs.stalled["guest-02"]
    assert (problem.key, problem.line, problem.code) == (key, line, code)
    assert set(specs.vms) == {"guest-01"}
    if code in (ProblemCode.UNKNOWN_HOST, ProblemCode.UNKNOWN_VM):
        assert problem.remedy.startswith("did you mean `")


@pytest.mark.parametrize(
    ("changes", "code", "files"),
    [
        ({"fleet.toml": "settle = 1"}, ProblemCode.UNKNOWN_KEY, {"fleet.toml"}),
        ({"fleet.toml": "["}, ProblemCode.SYNTAX, {"fleet.toml"}),
        ({"hosts/tallinn.toml": TALLINN + "x = 1"}, ProblemCode.UNKNOWN_KEY, {"hosts/tallinn.toml"}),
        (
            {"vms/copy.toml": GUEST},
            ProblemCode.DUPLICATE_NAME,
            {"vms/copy.toml", "vms/guest-01.toml"},
        ),
        (
            {"hosts/twin.toml": TALLINN.replace('"tallinn"', '"twin"')},
            ProblemCode.DUPLICATE_URI,
            {"hosts/tallinn.toml", "hosts/twin.toml"},
        ),
    ],
    ids=["unknown key in the fleet", "broken fleet", "broken host", "name twice", "machine twice"],
)
def test_a_contradiction_holds_the_revision(changes: dict[str, str], code: ProblemCode, files: set[str]) -> None:
    before = loaded(GOOD)
    outcome = held({**GOOD, **changes}, before)
    assert outcome.in_force is before
    assert {problem.file for problem in outcome.problems if problem.code is code} == files


def test_a_host_that_vms_name_cannot_be_removed() -> None:
    before = loaded(GOOD)
    files = {path: text for path, text in GOOD.items() if path != "hosts/tallinn.toml"}
    outcome = held(files, before)
    assert [problem.code for problem in outcome.problems] == [ProblemCode.HOST_REMOVED]
    assert outcome.in_force is before


def test_a_stalled_vms_last_good_spec_names_hosts_too() -> None:
    before = loaded(GOOD)
    files = {path: text for path, text in GOOD.items() if path != "hosts/tallinn.toml"}
    outcome = held({**files, "vms/guest-01.toml": "nonsense"}, before)
    assert ProblemCode.HOST_REMOVED in {problem.code for problem in outcome.problems}


def test_a_host_that_nobody_names_may_go_or_break() -> None:
    before = loaded(GOOD)
    without = {path: text for path, text in GOOD.items() if path != "hosts/skopje.toml"}
    assert set(loaded(without, before).hosts) == {"tallinn"}
    broken = loaded({**GOOD, "hosts/skopje.toml": "nonsense"}, before)
    assert broken.hosts["skopje"] == before.hosts["skopje"]
    assert len(broken.problems) == 1


@pytest.mark.parametrize("files", [{}, {"vms/guest-01.toml": GUEST}, {"README.md": "# ours"}])
def test_no_hosts_at_all_is_a_mistake_and_no_wish(files: dict[str, str]) -> None:
    before = loaded(GOOD)
    outcome = held(files, before)
    assert ProblemCode.NO_HOSTS in {problem.code for problem in outcome.problems}
    assert outcome.in_force is before
    assert held(files).in_force is None


def test_a_refused_path_counts_as_what_it_would_have_been() -> None:
    before = loaded(GOOD)
    vm = load(tree(GOOD, {"vms/guest-02.toml": refusals.link("vms/guest-02.toml")}), before, ParseCache())
    assert isinstance(vm, Specs)
    assert set(vm.stalled) == {"guest-02"}
    for path in ("fleet.toml", "vms", "hosts"):
        assert isinstance(load(tree(GOOD, {path: refusals.link(path)}), before, ParseCache()), Held)


def test_a_file_that_nobody_reads_is_told_where_it_belongs() -> None:
    specs = loaded({**GOOD, "vm/guest-02.toml": OTHER, "hosts/old/oslo.toml": "x"})
    assert [problem.remedy for problem in specs.problems] == [
        "move it to hosts/oslo.toml",
        "move it to vms/guest-02.toml",
    ]
    assert specs.stalled == {}


def test_a_file_whose_name_is_no_name_names_no_vm() -> None:
    specs = loaded({**GOOD, "vms/a\nb.toml": OTHER, "vms/-x.toml": OTHER})
    assert [problem.message for problem in specs.problems] == ["has no fit name"] * 2
    assert all(problem.file.isprintable() for problem in specs.problems)
    assert set(specs.vms) == {"guest-01"}
    assert specs.stalled == {}


def test_only_changed_files_are_parsed_again() -> None:
    cache = ParseCache()
    load(tree(GOOD), None, cache)
    assert cache.parsed == 4
    load(tree(GOOD), None, cache)
    load(tree({**GOOD, "vms/guest-01.toml": GUEST + "suspend = true\n"}), None, cache)
    assert cache.parsed == 5
