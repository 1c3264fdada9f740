"""`ferryman doctor`: what is wrong with the hosts, in text and JSON, and as an exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from written_state import ferryman, specs

from ferryman.fleet.errors import HostUnreachableError
from ferryman.fleet.fake.faults import Operation
from ferryman.fleet.fake.hosts import FakeFleet
from ferryman.specs.host_spec import HostSpec


@pytest.fixture
def fleet() -> FakeFleet:
    """guest-01 runs on tallinn; skopje is empty."""
    fleet = FakeFleet(*(HostSpec(name=name, uri=f"qemu+ssh://root@{name}/system") for name in ("tallinn", "skopje")))
    fleet.hosts["tallinn"].add_vm("guest-01")
    return fleet


def examined(fleet: FakeFleet, folder: Path, *options: str) -> tuple[int, str]:
    done = ferryman("doctor", "--specs", specs(folder / "specs"), *options, connect=fleet.connect)
    return done.exit_code, done.stdout


def test_a_sound_fleet_is_told_line_by_line(fleet: FakeFleet, tmp_path: Path) -> None:
    code, output = examined(fleet, tmp_path)
    assert code == 0
    assert "its libvirtd reaches that of skopje" in output
    assert output.endswith("0 blockers, 0 warnings, 0 not checked\n")


def test_every_finding_has_its_remedy_and_a_blocker_is_the_exit_code(fleet: FakeFleet, tmp_path: Path) -> None:
    skopje, tallinn = fleet.hosts["skopje"], fleet.hosts["tallinn"]
    skopje.bridges = frozenset()
    skopje.pools.clear()
    skopje.within.stp_bridges = frozenset({"kvmbr0"})
    skopje.within.clock_ahead_ms = 60_000
    tallinn.within.closed_ports["skopje"] = (49152,)
    tallinn.within.unreached["skopje"] = "Host key verification failed."
    code, output = examined(fleet, tmp_path)
    assert code == 1
    for words in (
        "no bridge kvmbr0: guest-01 on tallinn uses it",
        "no storage pool vms, which tallinn has",
        "STP on",
        "60.0 s apart",
        "TCP 49152",
        "ssh-keyscan skopje >> /root/.ssh/known_hosts (on tallinn, as root)",
    ):
        assert words in output
    assert "2 blockers, 4 warnings" in output


def test_warnings_alone_are_no_trouble(fleet: FakeFleet, tmp_path: Path) -> None:
    fleet.hosts["skopje"].pools.clear()
    assert examined(fleet, tmp_path)[0] == 0


def test_json(fleet: FakeFleet, tmp_path: Path) -> None:
    fleet.hosts["skopje"].faults.fail_next(Operation.FACTS, HostUnreachableError("skopje: no key", "ssh-copy-id"))
    code, output = examined(fleet, tmp_path, "--json")
    found = json.loads(output)
    assert (code, found["sound"]) == (1, False)
    assert {
        "host": "skopje",
        "subject": "ssh",
        "status": "blocker",
        "says": "skopje: no key",
        "remedy": "ssh-copy-id",
    } in (found["checks"])


def test_specs_without_hosts(fleet: FakeFleet, tmp_path: Path) -> None:
    done = ferryman("doctor", "--specs", tmp_path, connect=fleet.connect)
    assert done.exit_code == 1
    assert "ferryman validate" in done.output
