"""Marker volumes: whoever is killed or meets a silent host between creating and deleting them leaves none for ever."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from house import House

from ferryman.fleet.errors import HostUnreachableError
from ferryman.fleet.fake.faults import Operation
from ferryman.fleet.fake.storage import FakeVolume
from ferryman.migration.disks.apart import lie_apart
from ferryman.records.audit.record import VolumeAt
from ferryman.records.errors import StateUnwritableError
from ferryman.records.journal.markers import Marker, Markers

NAME = "20261123T120000Z-guest-01-3f2a-vda.marker"
HERE, THERE = "tallinn", "skopje"
VM = "guest-01"


def markers_at(house: House) -> dict[str, list[str]]:
    found = {name: sorted(host.pools["vms"].volumes) for name, host in house.fleet.hosts.items()}
    return {name: [one for one in volumes if one.endswith(".marker")] for name, volumes in found.items()}


def none_left(house: House) -> bool:
    return not any(markers_at(house).values()) and not list((house.state / "journal" / "markers").glob("*.toml"))


def until_none_is_left(house: House) -> None:
    deadline = time.monotonic() + 20
    while not none_left(house):
        assert time.monotonic() < deadline, markers_at(house)
        time.sleep(0.01)


def tried(house: House, markers: Markers) -> bool:
    return lie_apart(house.at(HERE), "vms", house.at(THERE), "vms", NAME, markers)


@pytest.fixture
def killed(house: House) -> House:
    """Whoever created both was killed before either was deleted."""
    places = tuple(VolumeAt(host=host, pool="vms", name=NAME) for host in (HERE, THERE))
    with pytest.raises(KeyboardInterrupt), Markers(house.state).noted(Marker(name=NAME, places=places)):
        raise KeyboardInterrupt
    for host in (HERE, THERE):
        house.at(host).pools["vms"].volumes[NAME] = FakeVolume(content=(512,))
    return house


def test_the_next_daemon_deletes_them(killed: House) -> None:
    killed.settled_vm(VM, HERE)
    killed.start().look()
    until_none_is_left(killed)
    assert set(killed.at(HERE).pools["vms"].volumes) == {f"{VM}.img"}


def test_it_waits_for_a_host_that_is_silent(killed: House) -> None:
    killed.at(THERE).faults.unreachable = True
    daemon = killed.start()
    daemon.look()
    assert markers_at(killed)[HERE] == [NAME]
    killed.at(THERE).faults.unreachable = False
    daemon.look()
    until_none_is_left(killed)


@pytest.mark.parametrize("silent", [HERE, THERE])
def test_a_host_that_falls_silent_before_its_marker_is_deleted(house: House, silent: str) -> None:
    house.vm(VM, HERE)
    house.at(HERE).add_vm(VM)
    daemon = house.start()
    faults = house.at(silent).faults
    faults.fail_next(Operation.DELETE, faults.unreachable_error())
    with pytest.raises(HostUnreachableError):
        tried(house, daemon.chronicle.journal.markers)
    assert markers_at(house)[silent] == [NAME]
    daemon.look()
    until_none_is_left(house)


def test_those_of_a_move_that_is_under_way_are_left_alone(house: House) -> None:
    markers = Markers(house.state)
    with markers.noted(Marker(name=NAME, places=())):
        assert markers.left() == ()
    assert none_left(house)


def test_where_nothing_can_be_noted_nothing_is_created(house: House, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateUnwritableError):
        tried(house, Markers(tmp_path / "file"))
    assert house.at(HERE).faults.made(Operation.CREATE) == 0


def test_storage_that_is_apart_is_told_and_nothing_stays(house: House) -> None:
    assert tried(house, Markers(house.state))
    house.at(THERE).pools["vms"] = house.at(HERE).pools["vms"]
    assert not tried(house, Markers(house.state))
    assert none_left(house)
