"""`ferryman status`: what the state folder says, and an exit code to go by."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from written_state import NOON, condition, ferryman, vm_state, written

from ferryman.records.progress_files import Progress, write_progress
from ferryman.records.state.states import ConditionType, FleetState, HostState, SpecProblem
from ferryman.records.store import StateStore
from ferryman.specs.choices import Method

REACHABLE = HostState(name="tallinn", reachable=True, vms=("guest-01",))


def test_all_in_place(tmp_path: Path) -> None:
    done = ferryman("status", "--state", written(tmp_path, vm_state(), REACHABLE))
    assert done.exit_code == 0
    assert "guest-01" in done.output
    assert "Ready (InPlace)" in done.output


@pytest.mark.parametrize(
    ("kind", "exit_code"),
    [
        (ConditionType.READY, 0),
        (ConditionType.SUSPENDED, 0),
        (ConditionType.RECONCILING, 1),
        (ConditionType.STALLED, 1),
        (ConditionType.DRIFTED, 1),
    ],
)
def test_the_exit_code_tells_whether_all_is_in_place(tmp_path: Path, kind: ConditionType, exit_code: int) -> None:
    folder = written(tmp_path, vm_state(), vm_state("guest-02", condition(kind, "SoItIs")))
    assert ferryman("status", "--state", folder).exit_code == exit_code


def test_what_is_wrong_is_told_with_its_remedy(tmp_path: Path) -> None:
    done = ferryman("status", "--state", written(tmp_path, vm_state(said=condition(ConditionType.STALLED, "NoPlace"))))
    assert "guest-01: It is said: NoPlace.\n    remedy: Do so." in done.output


def test_a_host_that_cannot_be_reached(tmp_path: Path) -> None:
    lost = HostState(name="skopje", reachable=False, reason="connection refused", remedy="Start libvirtd there.")
    done = ferryman("status", "--state", written(tmp_path, vm_state(), lost))
    assert done.exit_code == 1
    assert "NO: connection refused" in done.output
    assert "remedy: Start libvirtd there." in done.output


@pytest.mark.parametrize(
    ("host", "said"),
    [
        (HostState(name="oslo", reachable=True, maintenance=True, drained=True), "drained"),
        (HostState(name="oslo", reachable=True, maintenance=True, remaining=("guest-01",)), "draining: guest-01"),
        (HostState(name="oslo", reachable=True, maintenance=True), "draining: moves under way"),
    ],
)
def test_a_host_in_maintenance(tmp_path: Path, host: HostState, said: str) -> None:
    assert said in ferryman("status", "--state", written(tmp_path, host)).output


def test_specs_that_are_held(tmp_path: Path) -> None:
    problem = SpecProblem(place="hosts/oslo.toml:3", message="uri is wrong", remedy="mend it")
    held = condition(ConditionType.STALLED, "RevisionHeld")
    with StateStore.open(tmp_path) as store:
        store.write_fleet(FleetState(revision="3f2a", newest_revision="77aa", condition=held, problems=(problem,)))
    done = ferryman("status", "--state", tmp_path)
    assert done.exit_code == 1
    assert "specs: Stalled (RevisionHeld)" in done.output
    assert "hosts/oslo.toml:3: uri is wrong" in done.output
    assert "remedy: mend it" in done.output


def test_moves_under_way(tmp_path: Path) -> None:
    folder = written(tmp_path, vm_state())
    moving = Progress(
        vm="guest-01",
        id="one",
        source="tallinn",
        destination="skopje",
        method=Method.LIVE,
        phase="copying memory",
        started_at=NOON,
        updated_at=NOON,
    )
    write_progress(folder, moving)
    assert "guest-01 tallinn -> skopje (live) copying memory" in ferryman("status", "--state", folder).output


def test_json(tmp_path: Path) -> None:
    done = ferryman("status", "--state", written(tmp_path, vm_state(), REACHABLE), "--json")
    found = json.loads(done.output)
    assert done.exit_code == 0
    assert found["vms"]["guest-01"]["host"] == "tallinn"
    assert found["vms"]["guest-01"]["conditions"][0]["type"] == "Ready"
    assert found["hosts"]["tallinn"]["vms"] == ["guest-01"]
    assert found["moving"] == []


@pytest.mark.parametrize("command", ["status", "history"])
def test_a_missing_folder_is_told_with_the_remedy(tmp_path: Path, command: str) -> None:
    done = ferryman(command, "--state", tmp_path / "nowhere")
    assert done.exit_code == 1
    assert "nowhere is no state folder" in done.output
    assert "remedy: name the daemon's: --state DIR" in done.output
    assert not (tmp_path / "nowhere").exists()
