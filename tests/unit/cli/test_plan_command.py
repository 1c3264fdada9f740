"""`ferryman plan`: what would be done and why, with Terraform's exit codes."""

from __future__ import annotations

import io
import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from written_state import ferryman, record, specs

from ferryman.cli.waiting import SignOfLife
from ferryman.fleet.fake.faults import Operation
from ferryman.fleet.fake.hosts import FakeFleet
from ferryman.fleet.values import DirtyRate
from ferryman.records.journal.entry import JournalEntry, Step
from ferryman.records.journal.journal import Journal
from ferryman.records.rates import SeenRate, write_rate
from ferryman.records.store import StateStore
from ferryman.specs.choices import Method
from ferryman.specs.host_spec import HostSpec

IN_PLACE = 'host = "tallinn"\n'
TO_MOVE = 'host = "skopje"\n'


@pytest.fixture
def fleet() -> FakeFleet:
    """guest-01 runs on tallinn; skopje is empty."""
    fleet = FakeFleet(*(HostSpec(name=name, uri=f"qemu+ssh://root@{name}/system") for name in ("tallinn", "skopje")))
    fleet.hosts["tallinn"].add_vm("guest-01")
    return fleet


def planned(fleet: FakeFleet, folder: Path, guest: str, *options: str) -> tuple[int, str]:
    wanted = specs(folder / "specs", guest_01=guest)
    done = ferryman("plan", "--specs", wanted, "--state", folder / "state", *options, connect=fleet.connect)
    assert fleet.running("guest-01") in (("tallinn",), ())
    return done.exit_code, done.output


@pytest.mark.parametrize(
    ("guest", "plain", "detailed"),
    [(IN_PLACE, 0, 0), (TO_MOVE, 0, 2), (IN_PLACE + "suspend = true\n", 0, 0), (TO_MOVE + "metod = 1\n", 1, 1)],
)
def test_exit_codes(fleet: FakeFleet, tmp_path: Path, guest: str, plain: int, detailed: int) -> None:
    assert planned(fleet, tmp_path, guest)[0] == plain
    assert planned(fleet, tmp_path, guest, "--detailed-exitcode")[0] == detailed


def test_a_move_is_told_with_its_reasons_and_disks(fleet: FakeFleet, tmp_path: Path) -> None:
    _, output = planned(fleet, tmp_path, TO_MOVE)
    assert "> guest-01: tallinn -> skopje (live)" in output
    assert "why: its spec wants it on skopje" in output
    assert "vda: copy vms/guest-01.img -> vms/guest-01.img" in output
    assert output.endswith("1 VMs: 1 to move, 0 waiting, 0 blocked\n")


def test_everything_that_stands_against_a_move_is_told_with_its_remedy(fleet: FakeFleet, tmp_path: Path) -> None:
    fleet.hosts["skopje"].pools.clear()
    fleet.hosts["skopje"].bridges = frozenset()
    code, output = planned(fleet, tmp_path, TO_MOVE, "--detailed-exitcode")
    assert code == 1
    assert "! guest-01 -> skopje: PreflightFailed" in output
    assert "skopje has no bridge kvmbr0" in output
    assert "remedy: ip link add kvmbr0 type bridge" in output
    assert output.count("remedy: ") == 2


def test_an_unreachable_host_is_trouble(fleet: FakeFleet, tmp_path: Path) -> None:
    fleet.hosts["skopje"].faults.unreachable = True
    code, output = planned(fleet, tmp_path, TO_MOVE)
    assert code == 1
    assert "~ guest-01: its spec wants it on skopje, but skopje: libvirt does not answer" in output


def test_a_vm_that_exists_nowhere_is_trouble(fleet: FakeFleet, tmp_path: Path) -> None:
    fleet.hosts["tallinn"].domains.known.clear()
    code, output = planned(fleet, tmp_path, IN_PLACE)
    assert code == 1
    assert "! guest-01: VmNotFound" in output


def test_json(fleet: FakeFleet, tmp_path: Path) -> None:
    _, output = planned(fleet, tmp_path, TO_MOVE, "--json")
    found = json.loads(output)
    move = found["decisions"]["guest-01"]
    assert move["kind"] == "plan"
    assert (move["source"], move["destination"], move["method"], move["cause"]) == ("tallinn", "skopje", "live", "spec")
    assert found["revision"].startswith("folder-")
    assert found["problems"] == []
    _, output = planned(fleet, tmp_path, IN_PLACE, "--json")
    assert json.loads(output)["decisions"]["guest-01"] == {
        "kind": "up-to-date",
        "vm": "guest-01",
        "host": "tallinn",
        "message": "",
    }


def test_a_specs_folder_that_cannot_be_read_is_told_with_the_remedy(fleet: FakeFleet, tmp_path: Path) -> None:
    done = ferryman("plan", "--specs", tmp_path / "nowhere", connect=fleet.connect)
    assert done.exit_code == 1
    assert "cannot be read" in done.output
    assert "remedy: " in done.output


def test_what_only_the_hosts_themselves_can_tell_is_waited_for(fleet: FakeFleet, tmp_path: Path) -> None:
    fleet.hosts["tallinn"].within.closed_ports["skopje"] = (49152,)
    fleet.hosts["skopje"].within.stp_bridges = frozenset({"kvmbr0"})
    fleet.hosts["skopje"].within.clock_ahead_ms = -7_000
    code, output = planned(fleet, tmp_path, TO_MOVE)
    assert code == 1
    assert "tallinn does not reach skopje on TCP 49152" in output
    assert "warning: the bridge kvmbr0 on skopje has STP on" in output
    assert "warning: the clocks of tallinn and skopje are 7.0 s apart; skopje is behind" in output


def test_another_vm_of_the_same_name_is_not_taken_for_this_one(fleet: FakeFleet, tmp_path: Path) -> None:
    fleet.hosts["skopje"].add_vm("guest-01", running=False).uuid = "6b9a7c1e-0000-4000-8000-00000000beef"
    code, output = planned(fleet, tmp_path, TO_MOVE)
    assert code == 1
    assert "two different VMs have this name" in output
    assert "remedy: Rename the one" in output


def test_symbols_are_explained(fleet: FakeFleet, tmp_path: Path) -> None:
    _, output = planned(fleet, tmp_path, TO_MOVE)
    assert "= in place   > moves   ~ waits   ! blocked   - suspended\n" in output


def test_uncommitted_edits_are_told_beside_the_output(fleet: FakeFleet, tmp_path: Path) -> None:
    wanted = specs(tmp_path / "fleet" / "specs", guest_01=IN_PLACE)
    me = ("-c", "user.name=Ann", "-c", "user.email=ann@example.org")
    for command in (("init", "--quiet"), ("add", "."), (*me, "commit", "--quiet", "--message=Begin")):
        subprocess.run(["git", *command], cwd=tmp_path / "fleet", check=True)
    arguments = ("plan", "--specs", wanted, "--state", tmp_path / "state")
    assert ferryman(*arguments, connect=fleet.connect).stderr == ""
    specs(wanted, guest_01=TO_MOVE, guest_02=IN_PLACE)
    done = ferryman(*arguments, "--json", connect=fleet.connect)
    assert "uncommitted edits do not count: vms/guest-01.toml, vms/guest-02.toml\n    remedy: git -C" in done.stderr
    assert json.loads(done.stdout)["decisions"]["guest-01"]["kind"] == "up-to-date"


def test_a_sign_of_life_where_hosts_are_slow() -> None:
    stream = io.StringIO()
    with SignOfLife("still reading", stream, after_s=0) as sign:
        sign.wait()
    assert stream.getvalue() == "still reading\n"
    with SignOfLife("not said", stream, after_s=60):
        pass
    assert stream.getvalue() == "still reading\n"


PROMISE = TO_MOVE + "max_downtime_ms = 500\n"


def test_what_each_method_would_cost_is_told(fleet: FakeFleet, tmp_path: Path) -> None:
    _, output = planned(fleet, tmp_path, PROMISE)
    assert "watching for some seconds how fast guest-01 writes ..." in output
    assert "predicted live: down 80 ms, " in output
    assert "it writes 0 MiB/s, the link carries 32 MiB/s (a guess" in output


def test_a_promise_that_would_be_broken_is_told_with_figures(fleet: FakeFleet, tmp_path: Path) -> None:
    fleet.hosts["tallinn"].domains.known["guest-01"].dirty_bytes_s = 100 * 1024**2
    code, output = planned(fleet, tmp_path, PROMISE)
    assert code == 1
    assert "! guest-01 -> skopje: PromiseWouldBreak" in output
    assert "live would keep it down for 3,060 ms, and its spec promises 500 ms" in output


def test_what_the_daemon_has_just_seen_is_gone_by(fleet: FakeFleet, tmp_path: Path) -> None:
    seen = SeenRate(vm="guest-01", rate=DirtyRate(bytes_s=100 * 1024**2), measured_at=datetime.now(UTC))
    assert write_rate(tmp_path / "state", seen)
    _, output = planned(fleet, tmp_path, PROMISE)
    assert "watching" not in output
    assert "PromiseWouldBreak" in output
    assert fleet.hosts["tallinn"].faults.made(Operation.DIRTY_RATE) == 0


class TestAMoveThatDidNotEnd:
    """The plan says what the daemon says."""

    def broken_off(self, fleet: FakeFleet, state: Path) -> JournalEntry:
        made = record("guest-01")
        entry = JournalEntry(
            id=made.id,
            vm="guest-01",
            uuid=fleet.hosts["tallinn"].domains.known["guest-01"].uuid,
            source="tallinn",
            destination="skopje",
            method=Method.LIVE,
            running=True,
            step=Step.TRANSFERRING,
            why=made.why,
            cause=made.cause,
            attempt=1,
            started_at=made.started_at,
        )
        Journal(state).write(entry)
        return entry

    def test_one_whose_entry_cannot_be_read_is_refused(self, fleet: FakeFleet, tmp_path: Path) -> None:
        (tmp_path / "state" / "journal").mkdir(parents=True)
        (tmp_path / "state" / "journal" / "guest-01.toml").write_text("id = ")
        code, output = planned(fleet, tmp_path, TO_MOVE, "--detailed-exitcode")
        assert (code, "its journal entry cannot be read" in output) == (1, True)

    def test_without_a_daemon_nobody_is_said_to_move_it(self, fleet: FakeFleet, tmp_path: Path) -> None:
        self.broken_off(fleet, tmp_path / "state")
        _, output = planned(fleet, tmp_path, TO_MOVE)
        assert "its move tallinn -> skopje is open (transferring)" in output
        assert "the daemon is moving it" not in output

    def test_what_stands_against_going_on_with_it_is_told(self, fleet: FakeFleet, tmp_path: Path) -> None:
        self.broken_off(fleet, tmp_path / "state")
        fleet.hosts["skopje"].faults.unreachable = True
        _, output = planned(fleet, tmp_path, TO_MOVE)
        assert "waits for skopje" in output

    def test_one_that_has_its_record_is_over(self, fleet: FakeFleet, tmp_path: Path) -> None:
        self.broken_off(fleet, tmp_path / "state")
        with StateStore.open(tmp_path / "state") as store:
            store.write_record(record("guest-01"))
        _, output = planned(fleet, tmp_path, TO_MOVE)
        assert "is open" not in output
