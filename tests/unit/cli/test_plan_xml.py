"""`ferryman plan --show-xml`: the definition at the destination, without secrets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from written_state import ferryman, specs

from ferryman.fleet.fake.hosts import FakeFleet
from ferryman.specs.host_spec import HostSpec

HUSHED = "do-not-tell"


@pytest.fixture
def fleet() -> FakeFleet:
    """guest-01 on tallinn, with a VNC password; skopje calls its bridge br7."""
    fleet = FakeFleet(*(HostSpec(name=name, uri=f"qemu+ssh://root@{name}/system") for name in ("tallinn", "skopje")))
    guest = fleet.hosts["tallinn"].add_vm("guest-01")
    guest.xml = guest.xml.replace("</devices>", f"<graphics type='vnc' passwd='{HUSHED}'/></devices>")
    fleet.hosts["skopje"].bridges = frozenset({"br7"})
    return fleet


def planned(fleet: FakeFleet, folder: Path, *options: str, arrivals: str = 'bridges = { kvmbr0 = "br7" }') -> str:
    wanted = specs(folder / "specs", guest_01='host = "skopje"\n')
    with (wanted / "hosts" / "skopje.toml").open("a") as file:
        file.write(f"[arrivals]\n{arrivals}\n")
    done = ferryman("plan", "--specs", wanted, "--state", folder / "state", *options, connect=fleet.connect)
    return done.output


def test_the_difference_is_shown_and_no_password(fleet: FakeFleet, tmp_path: Path) -> None:
    output = planned(fleet, tmp_path, "--show-xml")
    assert "--- tallinn/guest-01.xml\n+++ skopje/guest-01.xml" in output
    changed = [line for line in output.splitlines() if line.startswith(("-  ", "+  "))]
    assert changed == ['-      <source bridge="kvmbr0" />', '+      <source bridge="br7" />']
    assert HUSHED not in output


def test_one_vm_may_be_named(fleet: FakeFleet, tmp_path: Path) -> None:
    assert "+++ skopje/guest-01.xml" in planned(fleet, tmp_path, "--show-xml", "guest-01")
    assert "remedy: name one that does: guest-01" in planned(fleet, tmp_path, "--show-xml", "guest-02")


def test_nothing_differs_where_all_names_are_the_same(fleet: FakeFleet, tmp_path: Path) -> None:
    fleet.hosts["skopje"].bridges = frozenset({"kvmbr0"})
    output = planned(fleet, tmp_path, "--show-xml", arrivals="")
    assert output.endswith("guest-01: its definition on skopje is the same\n")


def test_json_holds_both_definitions_whole(fleet: FakeFleet, tmp_path: Path) -> None:
    output = planned(fleet, tmp_path, "--show-xml", "--json")
    shown = json.loads(output)["xml"]["guest-01"]
    assert '<source bridge="br7" />' in shown["destination"]
    assert '<source bridge="kvmbr0" />' in shown["source"]
    assert 'passwd="(hidden)"' in shown["destination"]
    assert HUSHED not in output


def test_no_xml_unless_asked_for(fleet: FakeFleet, tmp_path: Path) -> None:
    assert "<domain" not in planned(fleet, tmp_path, "--json")
    assert "+++" not in planned(fleet, tmp_path)
