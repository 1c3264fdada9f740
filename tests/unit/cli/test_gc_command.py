"""`ferryman gc`: what moves left behind, and what of it may go."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import Result
from written_state import ferryman, record, specs, written

from ferryman.downtime.values import Measurement, MeasurementStatus
from ferryman.fleet.fake.faults import Operation
from ferryman.fleet.fake.hosts import FakeFleet, vm_xml
from ferryman.fleet.fake.storage import FakeVolume
from ferryman.records.audit.record import MigrationRecord, Outcome, VolumeAt
from ferryman.records.journal.entry import JournalEntry, Step
from ferryman.records.journal.journal import Journal
from ferryman.records.store import StateStore
from ferryman.specs.host_spec import HostSpec

VM = "guest-01"
IMAGE = f"{VM}.img"
PATH = f"/var/lib/libvirt/images/{IMAGE}"


@pytest.fixture
def fleet() -> FakeFleet:
    """guest-01 moved from tallinn to skopje; its old disk is still on tallinn, beside another file."""
    fleet = FakeFleet(*(HostSpec(name=name, uri=f"qemu+ssh://root@{name}/system") for name in ("tallinn", "skopje")))
    fleet.hosts["skopje"].add_vm(VM)
    for name in (IMAGE, "somebody-elses.img"):
        fleet.hosts["tallinn"].pools["vms"].volumes[name] = FakeVolume(content=(b"old" * 1024**2,))
    return fleet


@pytest.fixture
def state(fleet: FakeFleet, tmp_path: Path) -> Path:
    return written(tmp_path / "state", moved(fleet))


def moved(fleet: FakeFleet) -> MigrationRecord:
    uuid = fleet.hosts["skopje"].domains.known[VM].uuid
    left = VolumeAt(host="tallinn", pool="vms", name=IMAGE, path=PATH)
    return replace(record(VM), uuid=uuid, left_behind=(left,))


def gc(fleet: FakeFleet, state: Path, *options: str) -> Result:
    wanted = specs(state.parent / "specs", guest_01='host = "skopje"\n')
    return ferryman("gc", "--specs", wanted, "--state", state, *options, connect=fleet.connect)


def at_tallinn(fleet: FakeFleet) -> set[str]:
    return set(fleet.hosts["tallinn"].pools["vms"].volumes)


def test_it_lists_and_touches_nothing(fleet: FakeFleet, state: Path) -> None:
    done = gc(fleet, state)
    assert done.exit_code == 0
    assert f"safe    tallinn vms/{IMAGE}: 3.0 MiB, left " in done.output
    assert "by guest-01, which moved to skopje" in done.output
    assert done.output.endswith("1 left behind: 1 to remove (3.0 MiB), 0 that must stay; remove with --delete\n")
    assert at_tallinn(fleet) == {IMAGE, "somebody-elses.img"}
    assert fleet.hosts["tallinn"].faults.made(Operation.CREATE) == 0


def test_what_a_failed_move_could_not_remove_is_listed_as_that_and_removed(fleet: FakeFleet, tmp_path: Path) -> None:
    left = VolumeAt(host="tallinn", pool="vms", name=IMAGE)
    uuid = fleet.hosts["skopje"].domains.known[VM].uuid
    failed = replace(record(VM, destination="tallinn"), source="skopje", outcome=Outcome.FAILED)
    state = written(tmp_path / "state", replace(failed, uuid=uuid, volumes_created=(left,)))
    assert "by guest-01, which failed to move there" in gc(fleet, state).output
    assert gc(fleet, state, "--delete").exit_code == 0
    assert at_tallinn(fleet) == {"somebody-elses.img"}


def test_what_a_held_move_created_is_listed_and_stays(fleet: FakeFleet, tmp_path: Path) -> None:
    left = VolumeAt(host="tallinn", pool="vms", name=IMAGE)
    uuid = fleet.hosts["skopje"].domains.known[VM].uuid
    held = replace(record(VM, destination="tallinn"), source="skopje", outcome=Outcome.HELD)
    state = written(tmp_path / "state", replace(held, uuid=uuid, volumes_created=(left,)))
    listed = why_it_stays(fleet, state)
    assert "by guest-01, which was held on its way there" in listed
    assert f"virsh vol-delete {IMAGE} vms (on tallinn)" in listed
    del fleet.hosts["tallinn"].pools["vms"].volumes[IMAGE]
    assert gc(fleet, state, "--delete").exit_code == 0
    assert gc(fleet, state).output.startswith("0 left behind")


def test_it_removes_only_what_a_record_names_and_remembers_that(fleet: FakeFleet, state: Path) -> None:
    done = gc(fleet, state, "--delete")
    assert done.exit_code == 0
    assert "1 removed (3.0 MiB)" in done.output
    assert at_tallinn(fleet) == {"somebody-elses.img"}
    assert set(fleet.hosts["skopje"].pools["vms"].volumes) == {IMAGE}
    assert fleet.violations == []
    log = subprocess.run(
        ["git", "-C", str(state), "log", "-1", "--name-only", "--format=%s"], check=True, capture_output=True, text=True
    )
    assert log.stdout.startswith("gc: removed 1 volume left behind\n\nremovals/")
    assert log.stdout.count("\n") == 3
    assert gc(fleet, state).output == "0 left behind: 0 to remove (0.0 MiB), 0 that must stay\n"


def test_what_somebody_removed_is_written_down_and_not_listed_again(fleet: FakeFleet, state: Path) -> None:
    del fleet.hosts["tallinn"].pools["vms"].volumes[IMAGE]
    assert gc(fleet, state).output.startswith("gone ")
    assert gc(fleet, state, "--delete").exit_code == 0
    assert gc(fleet, state).output.startswith("0 left behind")


def why_it_stays(fleet: FakeFleet, state: Path) -> str:
    """What is listed of it, with a remedy; it is not removed."""
    listed = gc(fleet, state)
    assert "remedy: " in listed.output
    assert "0 removed" in gc(fleet, state, "--delete").output
    assert IMAGE in at_tallinn(fleet)
    return listed.output


def test_a_vm_that_is_seen_nowhere_keeps_it(fleet: FakeFleet, state: Path) -> None:
    fleet.hosts["skopje"].domains.known.clear()
    assert "guest-01 was seen on no host" in why_it_stays(fleet, state)


def test_a_vm_whose_host_is_unreachable_keeps_it(fleet: FakeFleet, state: Path) -> None:
    fleet.hosts["skopje"].faults.unreachable = True
    assert "guest-01 was seen on no host" in why_it_stays(fleet, state)


def test_a_vm_that_is_back_keeps_it(fleet: FakeFleet, state: Path) -> None:
    fleet.hosts["tallinn"].domains.known[VM] = fleet.hosts["skopje"].domains.known.pop(VM)
    assert "guest-01 is on tallinn, and it may be its disk" in why_it_stays(fleet, state)


def test_another_vm_that_uses_it_keeps_it(fleet: FakeFleet, state: Path) -> None:
    fleet.hosts["tallinn"].definitions.define(vm_xml("guest-09", disk_path=PATH), autostart=False)
    assert "guest-09 uses it" in why_it_stays(fleet, state)


def test_an_unreachable_host_keeps_it(fleet: FakeFleet, state: Path) -> None:
    fleet.hosts["tallinn"].faults.unreachable = True
    assert "tallinn cannot be read" in why_it_stays(fleet, state)


def test_a_guest_that_never_answered_keeps_it(fleet: FakeFleet, state: Path) -> None:
    silent = Measurement(status=MeasurementStatus.NOT_BACK, downtime_lower_ms=30_000.0)
    written(state, replace(moved(fleet), id="20261123T120001Z-guest-01-0001", attempt=2, measurement=silent))
    assert "nobody saw guest-01 answer" in why_it_stays(fleet, state)


def test_shared_storage_keeps_it(fleet: FakeFleet, state: Path) -> None:
    fleet.hosts["tallinn"].pools["vms"].kind = "netfs"
    assert "the pool vms is shared (netfs)" in why_it_stays(fleet, state)


def test_a_move_under_way_keeps_it(fleet: FakeFleet, state: Path) -> None:
    left = moved(fleet)
    Journal(state).write(
        JournalEntry(
            id="20261125T120000Z-guest-01-0001",
            vm=VM,
            uuid=left.uuid,
            source="skopje",
            destination="tallinn",
            method=left.method,
            running=True,
            step=Step.PREPARING,
            why="",
            cause=left.cause,
            attempt=1,
            started_at=left.started_at,
        )
    )
    assert "a move of its VM is under way" in why_it_stays(fleet, state)


def test_plain_folders_on_one_storage_are_found_out_before_anything_goes(fleet: FakeFleet, state: Path) -> None:
    fleet.hosts["tallinn"].pools["vms"] = fleet.hosts["skopje"].pools["vms"]
    done = gc(fleet, state, "--delete")
    assert done.exit_code == 1
    assert "not removed: tallinn and skopje may share the storage of vms" in done.output
    assert set(fleet.hosts["skopje"].pools["vms"].volumes) == {IMAGE}
    assert fleet.violations == []


def test_a_host_that_refuses_is_told(fleet: FakeFleet, state: Path) -> None:
    fleet.hosts["tallinn"].faults.fail_next(Operation.CREATE)
    done = gc(fleet, state, "--delete")
    assert done.exit_code == 1
    assert "not removed: tallinn: create fails as planted" in done.output


@pytest.mark.parametrize(("options", "count"), [(("--vm", VM), 1), (("--vm", "x"), 0), (("--host", "skopje"), 0)])
def test_it_looks_only_at_what_was_asked_for(
    fleet: FakeFleet, state: Path, options: tuple[str, ...], count: int
) -> None:
    assert gc(fleet, state, *options).output.splitlines()[-1].startswith(f"{count} left behind")


def test_what_is_too_young_stays(fleet: FakeFleet, state: Path) -> None:
    stays_young = gc(fleet, state, "--older-than", "100000").output
    assert "it was left less than 100000 days ago" in stays_young


def test_while_the_daemon_runs_it_lists_and_says_how_to_remove(fleet: FakeFleet, state: Path) -> None:
    with StateStore.open(state):
        assert "1 to remove" in gc(fleet, state).output
        done = gc(fleet, state, "--delete")
    assert done.exit_code == 1
    assert "Another ferryman" in done.output
    assert "systemctl stop ferryman" in done.output
    assert IMAGE in at_tallinn(fleet)


def test_json(fleet: FakeFleet, state: Path) -> None:
    found = json.loads(gc(fleet, state, "--json").output)
    (one,) = found["leftovers"]
    assert (one["standing"], one["now_at"], one["allocated_bytes"]) == ("safe", "skopje", 3 * 1024**2)
    assert one["left"]["volume"]["name"] == IMAGE
