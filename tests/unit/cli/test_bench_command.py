"""`ferryman bench`: there and back through the users' own way, on a fake fleet."""

from __future__ import annotations

import csv
import io
import json
import signal
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import Result
from written_state import ferryman, specs

from ferryman.benching import results
from ferryman.benching.values import LegUnderWay
from ferryman.fleet.fake.faults import Operation
from ferryman.fleet.fake.hosts import FakeFleet
from ferryman.fleet.ownership import Owner
from ferryman.planning.plans import Cause
from ferryman.records.audit import whole as audit
from ferryman.records.audit.record import MigrationRecord
from ferryman.records.store import StateStore
from ferryman.specs.host_spec import HostSpec

VM = "guest-01"
HOME = 'host = "tallinn"\nallow = ["live", "cold"]\nmax_downtime_ms = 1\n'


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """The command handles signals; the tests' own handlers come back."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def fleet() -> Iterator[FakeFleet]:
    """guest-01 runs on tallinn; skopje is empty. Whatever a test does, no invariant may have been broken."""
    fleet = FakeFleet(*(HostSpec(name=name, uri=f"qemu+ssh://root@{name}/system") for name in ("tallinn", "skopje")))
    fleet.hosts["tallinn"].add_vm(VM)
    yield fleet
    assert fleet.violations == []


def bench(fleet: FakeFleet, folder: Path, *options: str, spec: str = HOME) -> Result:
    written = specs(folder / "specs", guest_01=spec)
    (written / "fleet.toml").write_text("settle_ms = 0\n")
    places = ("--specs", written, "--state", folder / "state")
    return ferryman("bench", VM, *places, "--rest-s", "0", *options, connect=fleet.connect)


def records(folder: Path) -> list[MigrationRecord]:
    """Oldest first."""
    return sorted(audit.records(folder / "state"), key=lambda record: record.started_at)


def ways(folder: Path) -> list[str]:
    return [f"{record.method}: {record.source} -> {record.destination}" for record in records(folder)]


def test_two_methods_take_turns_and_the_vm_is_home_at_the_end(fleet: FakeFleet, tmp_path: Path) -> None:
    done = bench(fleet, tmp_path, "--iterations", "2", "--method", "live", "--method", "cold", "--json")
    assert done.exit_code == 0, done.output
    there_and_back = [
        f"{method}: {way}" for method in ("live", "cold") for way in ("tallinn -> skopje", "skopje -> tallinn")
    ]
    moves = json.loads(done.stdout)["run"]["moves"]
    assert [
        f"{m['leg']['method']}: {m['leg']['source']} -> {m['leg']['destination']}" for m in moves
    ] == there_and_back * 2
    assert fleet.running(VM) == ("tallinn",)
    assert len(records(tmp_path)) == 8


def test_each_move_is_an_audit_record_that_says_bench(fleet: FakeFleet, tmp_path: Path) -> None:
    bench(fleet, tmp_path, "--iterations", "1")
    assert {record.cause.kind for record in records(tmp_path)} == {Cause.BENCH}
    assert all("ferryman bench: round 1 of 1" in record.why for record in records(tmp_path))


def test_the_state_tells_the_downtimes_by_way_and_where_the_vm_is(fleet: FakeFleet, tmp_path: Path) -> None:
    bench(fleet, tmp_path, "--iterations", "2")
    with StateStore.open(tmp_path / "state", read_only=True) as store:
        told = store.vm_states()[VM]
    assert [(one.source, one.destination, one.count) for one in told.downtimes] == [
        ("skopje", "tallinn", 2),
        ("tallinn", "skopje", 2),
    ]
    assert told.host == "tallinn"


def test_a_daemon_finds_nothing_to_do_afterwards(fleet: FakeFleet, tmp_path: Path) -> None:
    bench(fleet, tmp_path, "--iterations", "1")
    daemon = ferryman(
        "run", "--once", "--specs", tmp_path / "specs", "--state", tmp_path / "state", connect=fleet.connect
    )
    assert daemon.exit_code == 0
    assert len(records(tmp_path)) == 2


def test_what_was_asked_for_and_summed_up_is_told(fleet: FakeFleet, tmp_path: Path) -> None:
    done = bench(fleet, tmp_path, "--iterations", "1", "--csv")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [(row["source"], row["destination"], row["outcome"]) for row in rows] == [
        ("tallinn", "skopje", "succeeded"),
        ("skopje", "tallinn", "succeeded"),
    ]
    assert "2/2 live: skopje -> tallinn" in done.stderr
    told = bench(fleet, tmp_path, "--resume")
    assert "live tallinn -> skopje" in told.stdout
    assert "both ways" in told.stdout


def test_a_vm_whose_spec_does_not_allow_it_is_not_powered_off(fleet: FakeFleet, tmp_path: Path) -> None:
    done = bench(fleet, tmp_path, "--method", "cold", spec='host = "tallinn"\nallow = ["live"]\n')
    assert done.exit_code == 1
    assert 'remedy: Commit allow = ["live", "cold"]' in done.output
    assert not (tmp_path / "state" / "migrations").exists()


def test_while_a_daemon_runs_it_refuses(fleet: FakeFleet, tmp_path: Path) -> None:
    with StateStore.open(tmp_path / "state"):
        done = bench(fleet, tmp_path)
    assert done.exit_code == 1
    assert "remedy: stop it while you bench" in done.output


@pytest.mark.parametrize(
    ("options", "spec", "said"),
    [
        (("--between", "tallinn", "oslo"), HOME, "No host is called oslo"),
        (("--between", "skopje", "skopje"), HOME, "Name it and another host"),
        (("--resume",), HOME, "has no run to go on with"),
        ((), 'host = "skopje"\n', "its spec wants it on skopje"),
        ((), 'host = "tallinn"\nsuspend = true\n', "suspend"),
        ((), 'host = "tallinn"\nmetod = 3\n', "did you mean `method`"),
    ],
)
def test_what_cannot_be_is_refused_with_a_remedy(
    fleet: FakeFleet, tmp_path: Path, options: tuple[str, ...], spec: str, said: str
) -> None:
    done = bench(fleet, tmp_path, *options, spec=spec)
    assert done.exit_code == 1
    assert said in done.output
    assert "remedy: " in done.output
    assert fleet.running(VM) == ("tallinn",)


def test_a_failed_move_is_made_again(fleet: FakeFleet, tmp_path: Path) -> None:
    fleet.hosts["tallinn"].faults.fail_next(Operation.MIGRATE)
    done = bench(fleet, tmp_path, "--iterations", "1")
    assert done.exit_code == 0
    assert [record.outcome.value for record in records(tmp_path)] == ["failed", "succeeded", "succeeded"]


def test_a_run_that_was_broken_off_goes_on(fleet: FakeFleet, tmp_path: Path) -> None:
    bench(fleet, tmp_path, "--iterations", "1")
    broken_off = results.read(tmp_path / "state", VM)
    assert broken_off is not None
    results.write(tmp_path / "state", replace(broken_off, moves=broken_off.moves[:-1]))
    done = bench(fleet, tmp_path, "--resume")
    assert done.exit_code == 0
    assert ways(tmp_path) == [
        "live: tallinn -> skopje",
        "live: skopje -> tallinn",
        "live: tallinn -> skopje",  # not counted: to where the next begins
        "live: skopje -> tallinn",
    ]


def test_a_move_that_was_under_way_counts_if_its_record_says_so(fleet: FakeFleet, tmp_path: Path) -> None:
    bench(fleet, tmp_path, "--iterations", "1")
    whole = results.read(tmp_path / "state", VM)
    assert whole is not None
    last = whole.moves[-1]
    results.write(
        tmp_path / "state", replace(whole, moves=whole.moves[:-1], under_way=LegUnderWay(id=last.id, leg=last.leg))
    )
    done = bench(fleet, tmp_path, "--resume")
    assert done.exit_code == 0
    assert len(records(tmp_path)) == 2
    assert results.read(tmp_path / "state", VM) == whole


def test_a_run_is_not_resumed_where_the_spec_no_longer_allows_a_power_off(fleet: FakeFleet, tmp_path: Path) -> None:
    bench(fleet, tmp_path, "--iterations", "1", "--method", "cold")
    begun = results.read(tmp_path / "state", VM)
    assert begun is not None
    results.write(tmp_path / "state", replace(begun, moves=()))
    made = len(records(tmp_path))
    done = bench(fleet, tmp_path, "--resume", spec='host = "tallinn"\nallow = ["live"]\n')
    assert done.exit_code == 1
    assert "does not allow it to be powered off" in done.output
    assert len(records(tmp_path)) == made


def test_a_vm_whose_journal_entry_cannot_be_read_is_not_moved_and_the_entry_stays(
    fleet: FakeFleet, tmp_path: Path
) -> None:
    entry = tmp_path / "state" / "journal" / f"{VM}.toml"
    entry.parent.mkdir(parents=True)
    entry.write_text("id = ")
    for options in ((), ("--resume",)):
        done = bench(fleet, tmp_path, *options)
        assert (done.exit_code, entry.read_text(), records(tmp_path)) == (1, "id = ", [])
    assert f"ferryman recover {VM}" in done.output


def test_a_vm_that_another_daemon_moves_is_left_to_it(fleet: FakeFleet, tmp_path: Path) -> None:
    owner = Owner(id="5e3b5e3b5e3b5e3b", by="bob@desk", move="m-1", renewed_at=datetime.now(UTC).replace(microsecond=0))
    fleet.hosts["tallinn"].owner_tags.tag(VM, owner)
    done = bench(fleet, tmp_path)
    assert (done.exit_code, "bob@desk" in done.output) == (1, True)
    assert (records(tmp_path), fleet.hosts["skopje"].faults.made(Operation.CREATE)) == ([], 0)
    assert fleet.hosts["tallinn"].owner_tags.owner(VM) == owner
