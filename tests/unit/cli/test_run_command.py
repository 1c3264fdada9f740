"""`ferryman run --once`: its exit code, and what it says on the way."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from written_state import ferryman, specs

from ferryman.fleet.fake.faults import Operation
from ferryman.fleet.fake.hosts import FakeFleet
from ferryman.records.store import StateStore
from ferryman.specs.host_spec import HostSpec

TO_MOVE = 'host = "skopje"\n'


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """The command handles signals as a daemon does; the tests' own handlers come back."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def fleet() -> FakeFleet:
    """guest-01 runs on tallinn; skopje is empty."""
    fleet = FakeFleet(*(HostSpec(name=name, uri=f"qemu+ssh://root@{name}/system") for name in ("tallinn", "skopje")))
    fleet.hosts["tallinn"].add_vm("guest-01")
    return fleet


def once(fleet: FakeFleet, folder: Path, guest: str = TO_MOVE) -> tuple[int, str]:
    arguments = ("run", "--once", "--specs", specs(folder / "specs", guest_01=guest), "--state", folder / "state")
    done = ferryman(*arguments, connect=fleet.connect)
    return done.exit_code, done.output


def test_it_moves_and_says_so(fleet: FakeFleet, tmp_path: Path) -> None:
    code, output = once(fleet, tmp_path)
    assert code == 0
    assert f"started: specs {tmp_path / 'specs'}, state {tmp_path / 'state'}, revision folder-" in output
    assert ", hosts skopje, tallinn\n" in output
    assert output.endswith("ferryman stopped\n")
    assert "guest-01: moves tallinn -> skopje (live)" in output
    assert "guest-01: moved tallinn -> skopje (live) in" in output
    assert fleet.running("guest-01") == ("skopje",)
    assert ferryman("status", "--state", tmp_path / "state").exit_code == 0


@pytest.mark.parametrize("operation", [Operation.MIGRATE, Operation.CREATE])
def test_a_failure_is_told_and_is_trouble(fleet: FakeFleet, tmp_path: Path, operation: Operation) -> None:
    for host in fleet.hosts.values():
        host.faults.fail_next(operation)
    code, output = once(fleet, tmp_path)
    assert code == 1
    assert "guest-01: tallinn -> skopje failed" in output
    assert fleet.running("guest-01") == ("tallinn",)


def test_a_stalled_vm_is_trouble(fleet: FakeFleet, tmp_path: Path) -> None:
    fleet.hosts["skopje"].pools.clear()
    code, output = once(fleet, tmp_path)
    assert code == 1
    assert "guest-01: Stalled (PreflightFailed)" in output
    assert "remedy: " in output


def test_an_invalid_spec_is_trouble(fleet: FakeFleet, tmp_path: Path) -> None:
    code, output = once(fleet, tmp_path, 'host = "tallinn"\nmetod = "live"\n')
    assert code == 1
    assert "specs: vms/guest-01.toml:3" in output


def test_a_second_daemon_is_refused_and_touches_nothing(fleet: FakeFleet, tmp_path: Path) -> None:
    with StateStore.open(tmp_path / "state"):
        code, output = once(fleet, tmp_path)
    assert code == 1
    assert "remedy: " in output
    assert fleet.running("guest-01") == ("tallinn",)
