"""What is told of the specs as a whole: held revisions, broken files, sources that cannot be read."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable

import pytest
from house import House

from ferryman.records.in_force import read_in_force
from ferryman.records.state.states import ConditionType, FleetState
from ferryman.records.store import StateStore
from ferryman.specs.problems import ProblemCode

VM = "guest-01"


def fleet_state(house: House) -> FleetState:
    with StateStore.open(house.state, read_only=True) as store:
        return store.fleet_state()


def said(house: House) -> tuple[ConditionType, str]:
    condition = fleet_state(house).condition
    assert condition is not None
    return condition.type, condition.reason


def test_good_specs_are_in_force(house: House) -> None:
    house.settled_vm(VM, "tallinn")
    daemon = house.start()
    daemon.look()
    state = fleet_state(house)
    assert said(house) == (ConditionType.READY, "InForce")
    assert daemon.wanted.specs is not None
    assert state.revision == state.newest_revision == daemon.wanted.specs.revision.id


def test_a_contradiction_holds_the_revision_and_the_last_good_one_is_kept(house: House) -> None:
    house.settled_vm(VM, "tallinn")
    daemon = house.start()
    daemon.look()
    good = fleet_state(house).revision
    house.vm(VM, "skopje")
    house.host("oslo", "peer_uri = 7\n")
    house.vm("guest-02", "oslo")
    house.write("fleet.toml", "settle_ms = -1\n")
    found = daemon.until_quiet()
    state = fleet_state(house)
    assert said(house) == (ConditionType.STALLED, "RevisionHeld")
    assert (state.revision, state.revision != state.newest_revision) == (good, True)
    assert all(problem.remedy for problem in state.problems)
    assert set(found.statuses) == {VM}
    assert house.fleet.running(VM) == ("tallinn",)


def test_mending_it_puts_the_new_revision_in_force(house: House) -> None:
    house.settled_vm(VM, "tallinn")
    daemon = house.start()
    daemon.look()
    house.write("fleet.toml", "settle_ms = -1\n")
    daemon.look()
    house.write("fleet.toml", "settle_ms = 0\n")
    house.vm(VM, "skopje")
    daemon.until_quiet()
    assert said(house) == (ConditionType.READY, "InForce")
    assert house.fleet.running(VM) == ("skopje",)
    assert [subject for subject in house.log() if subject.startswith("specs:")][1].startswith("specs: Stalled")


def test_a_broken_file_stalls_its_vm_and_the_others_go_on(house: House) -> None:
    house.settled_vm(VM, "tallinn")
    house.settled_vm("guest-02", "tallinn")
    daemon = house.start()
    daemon.look()
    house.vm(VM, "skopje", "methd = 'live'\n")
    house.vm("guest-02", "skopje")
    daemon.until_quiet()
    assert said(house) == (ConditionType.STALLED, "InvalidSpecs")
    assert house.said(VM).reason == "InvalidSpec"
    assert house.states()[VM].host == "tallinn"
    assert house.fleet.running("guest-02") == ("skopje",)


def test_a_vm_whose_first_spec_is_broken_is_told_too(house: House) -> None:
    house.settled_vm(VM, "tallinn", "methd = 'live'\n")
    house.start().look()
    assert (house.said(VM).reason, house.states()[VM].host) == ("InvalidSpec", "tallinn")


def test_a_source_that_cannot_be_read_leaves_what_was_in_force(house: House) -> None:
    house.settled_vm(VM, "tallinn")
    daemon = house.start()
    daemon.look()
    good = fleet_state(house).revision
    away = house.folder / "away"
    shutil.move(house.specs, away)
    found = daemon.look()
    assert set(found.statuses) == {VM}
    assert said(house) == (ConditionType.STALLED, "SourceUnreadable")
    assert fleet_state(house).revision == good
    assert [problem.code for problem in house.heard.problems_now] == [ProblemCode.SOURCE]
    shutil.move(away, house.specs)
    daemon.look()
    assert said(house) == (ConditionType.READY, "InForce")


def test_an_emptied_folder_moves_and_forgets_nothing(house: House) -> None:
    house.settled_vm(VM, "tallinn")
    daemon = house.start()
    daemon.look()
    shutil.rmtree(house.specs)
    house.specs.mkdir()
    daemon.look()
    assert VM in house.states()
    assert said(house)[0] is ConditionType.STALLED


def test_without_any_specs_ever_nothing_is_managed(house: House) -> None:
    shutil.rmtree(house.specs)
    found = house.start().look()
    assert (found.statuses, found.moving) == ({}, frozenset())
    assert said(house) == (ConditionType.STALLED, "SourceUnreadable")


class TestARestart:
    """What was in force before is in force still, where the newest revision cannot be."""

    @pytest.fixture
    def interrupted(self, house: House) -> House:
        """A move was broken off, and nothing of the specs names its source any more."""
        house.settled_vm(VM, "tallinn")
        first = house.start()
        first.look()
        house.vm(VM, "skopje")
        house.gates.plant_bug(VM)
        first.until_quiet()
        first.close()
        assert len(first.chronicle.journal.entries()) == 1
        return house

    def breaks_a_host(self, house: House) -> None:
        house.host("skopje", "peer_uri = 7\n")

    def breaks_the_fleet(self, house: House) -> None:
        house.write("fleet.toml", "settle_ms = -1\n")

    def takes_the_folder_away(self, house: House) -> None:
        shutil.move(house.specs, house.folder / "away")

    def breaks_a_host_that_nobody_names(self, house: House) -> None:
        house.host("tallinn", "peer_uri = 7\n")

    @pytest.mark.parametrize(
        "befalls", [breaks_a_host, breaks_the_fleet, takes_the_folder_away, breaks_a_host_that_nobody_names]
    )
    def test_an_open_move_is_brought_to_its_end(
        self, interrupted: House, befalls: Callable[[TestARestart, House], None]
    ) -> None:
        good = fleet_state(interrupted).revision
        befalls(self, interrupted)
        daemon = interrupted.start()
        daemon.until_quiet()
        assert daemon.chronicle.journal.entries() == ()
        assert len(interrupted.records()) == 1
        assert said(interrupted)[0] is ConditionType.STALLED
        if befalls is not TestARestart.breaks_a_host_that_nobody_names:
            assert fleet_state(interrupted).revision == good

    def test_a_vm_whose_file_is_broken_keeps_its_last_good_spec(self, house: House) -> None:
        house.settled_vm(VM, "tallinn")
        first = house.start()
        first.look()
        first.close()
        house.vm(VM, "skopje", "methd = 'live'\n")
        daemon = house.start()
        daemon.look()
        assert daemon.wanted.specs is not None
        assert daemon.wanted.specs.vms[VM].host == "tallinn"

    def test_what_was_kept_and_is_damaged_is_as_if_there_were_none(self, house: House) -> None:
        house.settled_vm(VM, "tallinn")
        first = house.start()
        first.look()
        first.close()
        (house.state / "in-force.json").write_bytes(b"\0" * 300)
        again = house.start()
        assert any("in-force.json" in trouble for trouble in house.heard.troubles)
        again.look()
        assert again.wanted.specs is not None
        assert read_in_force(house.state) is not None


class TestGit:
    @pytest.fixture
    def committed(self, house: House) -> House:
        house.settled_vm(VM, "tallinn")
        self._git(house, "init", "--quiet", "--initial-branch=main")
        self._commit(house, "Begin")
        return house

    def test_only_a_commit_moves_the_vm_and_it_is_named_as_the_cause(self, committed: House) -> None:
        daemon = committed.start()
        daemon.look()
        committed.vm(VM, "skopje")
        assert daemon.look().moving == frozenset()
        revision = self._commit(committed, "Move guest-01")
        daemon.until_quiet()
        (record,) = committed.records()
        assert committed.fleet.running(VM) == ("skopje",)
        assert (record.cause.revision, record.cause.subject) == (revision, "Move guest-01")
        assert record.cause.author == "Ann <ann@example.org>"

    def test_reverting_the_commit_brings_it_back(self, committed: House) -> None:
        daemon = committed.start()
        committed.vm(VM, "skopje")
        self._commit(committed, "Move guest-01")
        daemon.until_quiet()
        self._git(committed, "revert", "--no-edit", "HEAD")
        daemon.until_quiet()
        assert committed.fleet.running(VM) == ("tallinn",)

    def test_a_commit_that_is_not_signed_is_held_where_signatures_are_asked_for(self, committed: House) -> None:
        daemon = committed.start()
        daemon.look()
        good = fleet_state(committed).revision
        self._git(committed, "config", "ferryman.requireSigned", "true")
        committed.vm(VM, "skopje")
        revision = self._commit(committed, "Move guest-01")
        daemon.until_quiet()
        state = fleet_state(committed)
        assert said(committed) == (ConditionType.STALLED, "RevisionHeld")
        assert (state.revision, state.newest_revision) == (good, revision)
        assert ["commit --amend" in problem.remedy for problem in state.problems] == [True]
        assert committed.fleet.running(VM) == ("tallinn",)

    def _commit(self, house: House, message: str) -> str:
        self._git(house, "add", "--all")
        self._git(house, "commit", "--quiet", f"--message={message}")
        return self._git(house, "rev-parse", "HEAD")

    def _git(self, house: House, *arguments: str) -> str:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        environment |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        command = ["git", "-c", "user.name=Ann", "-c", "user.email=ann@example.org", "-C", str(house.specs), *arguments]
        return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.strip()
