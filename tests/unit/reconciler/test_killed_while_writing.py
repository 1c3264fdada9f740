"""A daemon that is killed between a move's audit record and all that follows from it: the next one catches up."""

from __future__ import annotations

import pytest
from house import Daemon, House

from ferryman.planning.decisions import UpToDate

VM = "guest-01"


@pytest.fixture
def killed(house: House) -> House:
    """guest-01 was moved away from tallinn for its maintenance; only the record of it was written."""
    house.settled_vm(VM, "tallinn", "[placement]\nhosts = ['oslo']\n")
    daemon = house.start()
    daemon.look()
    state = house.state / "vms" / f"{VM}.toml"
    before, revision = state.read_bytes(), house.git("rev-parse", "HEAD").strip()
    house.host("tallinn", "maintenance = true\n")
    daemon.until_quiet()
    daemon.close()
    assert house.fleet.running(VM) == ("oslo",)
    state.write_bytes(before)
    house.git("reset", "--quiet", revision)
    return house


def started(house: House) -> Daemon:
    daemon = house.start()
    daemon.look()
    return daemon


def test_its_vms_state_says_so(killed: House) -> None:
    started(killed)
    (record,) = killed.records()
    state = killed.states()[VM]
    assert state.last_migration is not None
    assert (state.last_migration.id, state.host, len(state.downtimes)) == (record.id, "oslo", 1)


def test_the_vm_comes_home_once_the_maintenance_is_over(killed: House) -> None:
    killed.host("tallinn")
    assert started(killed).until_quiet().statuses[VM] == UpToDate(vm=VM, host="tallinn")


def test_the_record_is_committed_with_its_own_message(killed: House) -> None:
    started(killed)
    (record,) = killed.records()
    trailers = killed.git("log", "--format=%(trailers:key=Record,valueonly,separator=)", "--", "migrations")
    assert trailers.split() == [record.id]


def test_what_a_later_look_found_is_not_taken_back(killed: House) -> None:
    """The record is not committed yet, because git failed; the state is newer."""
    daemon = started(killed)
    daemon.close()
    killed.git("update-index", "--force-remove", *(killed.git("ls-files", "migrations").split()))
    killed.git("commit", "--quiet", "--message=lost")
    state = killed.state / "vms" / f"{VM}.toml"
    state.write_text(state.read_text().replace('home = "tallinn"', 'home = "elsewhere"'))
    again = killed.start()
    placed = again.chronicle.memory.states[VM].placed
    assert placed is not None
    assert placed.home == "elsewhere"
