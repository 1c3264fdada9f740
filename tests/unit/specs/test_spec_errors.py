"""Every error at once, each with its line, its key, and what to do."""

from __future__ import annotations

import pytest

from ferryman.specs.choices import Method, StorageMode
from ferryman.specs.fleet_spec import FleetSpec
from ferryman.specs.host_spec import HostSpec
from ferryman.specs.parsing import MAX_PROBLEMS, Table, build, merged, parse
from ferryman.specs.problems import Problem, ProblemCode
from ferryman.specs.spec_model import SpecModel
from ferryman.specs.vm_spec import VmSpec


def problems(text: str, model: type[SpecModel]) -> tuple[Problem, ...]:
    table = parse("some.toml", text.encode())
    assert isinstance(table, Table), table
    built = build(table, model)
    assert isinstance(built, tuple), built
    return built


def only(text: str, model: type[SpecModel]) -> Problem:
    (problem,) = problems(text, model)
    return problem


def test_all_errors_of_a_file_are_told_in_the_order_of_its_lines() -> None:
    found = problems(
        """name = "guest-01"
max_downtme_ms = 500
method = "liv"

[probe]
port = 0
interval_ms = "10"

[storage]
pools = { VolumeGroupKVM = 1 }

[placement]
hosts = [
  "tallinn",
  "no blanks",
]
""",
        VmSpec,
    )
    assert [(one.line, one.key, one.code) for one in found] == [
        (1, "host", ProblemCode.MISSING_KEY),
        (2, "max_downtme_ms", ProblemCode.UNKNOWN_KEY),
        (3, "method", ProblemCode.WRONG_VALUE),
        (6, "probe.port", ProblemCode.WRONG_VALUE),
        (7, "probe.interval_ms", ProblemCode.WRONG_TYPE),
        (10, "storage.pools.VolumeGroupKVM", ProblemCode.WRONG_TYPE),
        (15, "placement.hosts[1]", ProblemCode.WRONG_VALUE),
    ]
    assert all(one.message and one.remedy and one.file == "some.toml" for one in found)
    assert found[1].place == "some.toml:2"


@pytest.mark.parametrize(
    ("line", "remedy"),
    [
        ("max_downtme_ms = 500", "did you mean `max_downtime_ms`?"),
        ('methods = "live"', "did you mean `method`?"),
        ("[prob]", "did you mean `probe`?"),
        ("probe.intervall_ms = 5", "did you mean `interval_ms`?"),
        ("interval_ms = 5", "it belongs in the table [probe]"),
        ("probe.allow = 5", "move it above the first table: it stands below [probe]"),
        ('method = "liv"', "did you mean live?"),
    ],
)
def test_a_slip_is_answered_with_what_was_meant(line: str, remedy: str) -> None:
    assert only(f'name = "a"\nhost = "b"\n{line}\n', VmSpec).remedy == remedy


def test_an_unknown_key_that_resembles_nothing_is_answered_with_what_is_known() -> None:
    problem = only('name = "a"\nhost = "b"\nprobe.zzz = 1\n', VmSpec)
    assert problem.remedy == "known here: address, port, interval_ms, from, announce, icmp"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('name = "a"\nhost = \n', 2),
        ('name = "a"\nname = "b"\n', 2),
        ('name = "a"\n\nhost = tallinn\n', 3),
        ('name = "a"\nallow = [\n"live"', 3),
        ("[probe]\n[probe]\n", 2),
    ],
)
def test_a_syntax_error_has_its_line(text: str, line: int) -> None:
    problem = parse("some.toml", text.encode())
    assert isinstance(problem, Problem)
    assert (problem.code, problem.line) == (ProblemCode.SYNTAX, line)
    assert "at line" not in problem.message


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("qemu:///system", "qemu+ssh://"),
        ("test:///default", "qemu+ssh://"),
        ("qemu+ssh:///system", "name a host"),
        ("qemu+ssh://-oProxyCommand=x/system", "name a host"),
        ("qemu+ssh://tallinn", "end in /system"),
        ("qemu+ssh://root:secret@tallinn/system", "password"),
        ("qemu+ssh://tallinn/system?no_verify=1", "host key"),
        ("qemu+ssh://tallinn/system?mode=auto;No_Verify=1", "host key"),
        ("qemu+ssh://tallinn/system?command=/tmp/x", "must not set command"),
        ("qemu+ssh://tallinn/system?mode=auto&NetCat=/tmp/x", "must not set netcat"),
        ("qemu+tcp://tallinn:99999/system", "not a URI"),
        ("qemu+ssh://tal linn/system", "blanks"),
    ],
)
def test_a_uri_that_could_not_or_must_not_be_used_is_refused(uri: str, words: str) -> None:
    problem = only(f'name = "a"\nuri = "{uri}"\n', HostSpec)
    assert (problem.line, problem.key) == (2, "uri")
    assert words in problem.message


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('allow = ["live", "auto"]', "must not contain auto"),
        ('allow = ["live", "live"]', "live twice"),
        ("allow = []", "empty list"),
        ("max_downtime_ms = 0", "at least 1"),
        ('name = "../etc"', "not allowed"),
        ('placement.avoid = ["a"]', "itself"),
        ("suspend = 1", "true or false"),
        ("probe = 5", "a table"),
        ("host = 1979-05-27", "a date"),
    ],
)
def test_values_that_make_no_sense_are_refused(line: str, words: str) -> None:
    given = line.partition(" ")[0]
    rest = "".join(f'{key} = "{value}"\n' for key, value in (("name", "a"), ("host", "b")) if key != given)
    assert words in only(f"{line}\n{rest}", VmSpec).message


def test_retries_grow() -> None:
    assert "must not be less" in only("[retry]\nfirst_s = 10\nmost_s = 5\n", FleetSpec).message
    assert "finite" in only("retry.first_s = nan", FleetSpec).message


def test_a_flood_of_problems_is_cut_and_counted() -> None:
    text = "".join(f"unknown_{number} = 1\n" for number in range(MAX_PROBLEMS + 5))
    found = problems(text, FleetSpec)
    assert len(found) == MAX_PROBLEMS + 1
    assert "5 more" in found[-1].message


def test_a_complete_vm_is_read_as_written() -> None:
    table = parse(
        "vms/guest-01.toml",
        b"""name = "guest-01"
host = "skopje"
method = "cold"
allow = ["live", "cold"]
[storage]
mode = "copy"
pools = { VolumeGroupKVM = "vms" }
[placement]
hosts = []
""",
    )
    assert isinstance(table, Table)
    vm = build(table, VmSpec, {"method": "live", "probe": {"port": 80}, "storage": {"mode": "shared"}})
    assert isinstance(vm, VmSpec)
    assert (vm.method, vm.allow) == (Method.COLD, (Method.LIVE, Method.COLD))
    assert (vm.storage.mode, vm.storage.pools) == (StorageMode.COPY, {"VolumeGroupKVM": "vms"})
    assert (vm.placement.hosts, vm.probe.port) == ((), 80)


def test_tables_are_merged_key_by_key() -> None:
    below = {"a": {"x": 1, "y": 1}, "b": 1, "c": {"z": 1}}
    assert merged(below, {"a": {"y": 2}, "b": 2}) == {"a": {"x": 1, "y": 2}, "b": 2, "c": {"z": 1}}


def test_a_hosts_addresses_follow_from_its_uri() -> None:
    host = HostSpec(name="a", uri="qemu+ssh://root@[fd00::1]:2222/system")
    assert host.effective_peer_uri == host.uri
    assert host.effective_migration_address == "fd00::1"
    other = HostSpec(name="a", uri="qemu+tcp://outside/system", peer_uri="qemu+tcp://inside/system")
    assert other.effective_migration_address == "inside"
    assert HostSpec(name="a", uri=host.uri, migration_address="10.0.0.1").effective_migration_address == "10.0.0.1"


@pytest.mark.parametrize("address", ["10.44.0.300", "10.44.0", "1.2.3.4.5", "fe80::x"])
def test_an_impossible_ip_address_is_refused_wherever_it_stands(address: str) -> None:
    probe = only(f'name = "a"\nhost = "b"\n[probe]\naddress = "{address}"\n', VmSpec)
    assert (probe.line, probe.message) == (
        4,
        f'"{address}" is no IP address: four numbers from 0 to 255, or an IPv6 address',
    )
    if ":" not in address:
        assert "is no IP address" in only(f'name = "a"\nuri = "qemu+ssh://{address}/system"\n', HostSpec).message


@pytest.mark.parametrize("address", ["10.44.0.30", "host-1", "1and1.example.org", "fe80::1%eth0", "2001:db8::1"])
def test_addresses_and_names_of_hosts_are_taken(address: str) -> None:
    assert VmSpec.model_validate({"name": "a", "host": "b", "probe": {"address": address}}).probe.address == address


def test_a_wrong_element_does_not_make_a_list_empty() -> None:
    problem = only('name = "a"\nhost = "b"\nallow = ["life"]\n', VmSpec)
    assert (problem.key, problem.remedy) == ("allow[0]", "did you mean live?")
