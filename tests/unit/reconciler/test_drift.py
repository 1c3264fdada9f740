"""Somebody else moved a VM: told from a changed spec, reported, and corrected only where the spec says so."""

from __future__ import annotations

import pytest
from house import House

from ferryman.fleet.migrating import LiveMigration
from ferryman.planning.decisions import Drifted
from ferryman.planning.plans import Cause
from ferryman.records.state.states import ConditionType

VM = "guest-01"


def moved_by_hand(house: House, source: str, destination: str) -> None:
    """As `virsh migrate --persistent --undefinesource` leaves it; the disk is taken along by hand."""
    here, there = house.at(source), house.at(destination)
    there.pools["vms"].volumes[f"{VM}.img"] = here.pools["vms"].volumes[f"{VM}.img"]
    request = LiveMigration(vm=VM, peer_uri=f"qemu+ssh://root@{destination}/system", data_uri=f"tcp://{destination}")
    here.migrations.migrate(request)
    here.definitions.undefine(VM)
    del here.pools["vms"].volumes[f"{VM}.img"]


def test_it_is_reported_and_the_vm_left_where_it_is(house: House) -> None:
    house.settled_vm(VM, "tallinn")
    daemon = house.start()
    daemon.look()
    moved_by_hand(house, "tallinn", "oslo")
    found = daemon.until_quiet()
    assert found.statuses == {VM: Drifted(vm=VM, expected="tallinn", found="oslo")}
    assert house.fleet.running(VM) == ("oslo",)
    assert house.said(VM).type is ConditionType.DRIFTED
    assert house.states()[VM].host == "oslo"


def test_it_is_corrected_where_the_spec_says_so(house: House) -> None:
    house.settled_vm(VM, "tallinn", 'drift = "correct"\n')
    daemon = house.start()
    daemon.look()
    moved_by_hand(house, "tallinn", "oslo")
    daemon.until_quiet()
    assert house.fleet.running(VM) == ("tallinn",)
    assert [record.cause.kind for record in house.records()] == [Cause.DRIFT]


def test_naming_the_new_place_in_the_spec_accepts_it(house: House) -> None:
    house.settled_vm(VM, "tallinn")
    daemon = house.start()
    daemon.look()
    moved_by_hand(house, "tallinn", "oslo")
    daemon.look()
    house.vm(VM, "oslo")
    daemon.until_quiet()
    assert house.said(VM).type is ConditionType.READY
    assert house.records() == []


@pytest.mark.parametrize("restarted", [False, True])
def test_it_is_remembered_across_a_restart(house: House, restarted: bool) -> None:
    house.settled_vm(VM, "tallinn")
    daemon = house.start()
    daemon.look()
    if restarted:
        daemon.close()
    moved_by_hand(house, "tallinn", "oslo")
    daemon = house.start() if restarted else daemon
    assert isinstance(daemon.until_quiet().statuses[VM], Drifted)
