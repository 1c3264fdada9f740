"""Of several daemons on different machines one acts: by a ref in a repository that all reach, and no wall clock."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ferryman.fleet.ownership import Identity
from ferryman.records.lease.remote import REF, REMOTE, Lease
from ferryman.records.lease.rules import LASTS_NS, MARGIN_NS, Observing


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@dataclass(slots=True)
class Machine:
    """One daemon with a state folder and a clock of its own: it shows another time than all others."""

    folder: Path
    remote: Path
    name: str
    passed_ns: int
    lease: Lease = field(init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir()
        git(self.folder, "init", "--quiet")
        git(self.folder, "remote", "add", REMOTE, str(self.remote))
        self.restart()

    def restart(self) -> None:
        self.lease = Lease(self.folder, Identity(id=self.name, by=f"{self.name}@there"), lambda: self.passed_ns)

    def acts(self) -> bool:
        return self.lease.observing() is None

    def looks(self) -> bool:
        self.lease.look()
        return self.acts()

    def reason(self) -> Observing:
        observing = self.lease.observing()
        assert observing is not None
        return observing


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    folder = tmp_path / "remote.git"
    subprocess.run(["git", "init", "--quiet", "--bare", str(folder)], check=True)
    return folder


@pytest.fixture
def ann(tmp_path: Path, remote: Path) -> Machine:
    return Machine(tmp_path / "ann", remote, "ann", passed_ns=7)


@pytest.fixture
def bob(tmp_path: Path, remote: Path) -> Machine:
    return Machine(tmp_path / "bob", remote, "bob", passed_ns=900 * LASTS_NS)


def pass_ns(time_ns: int, *machines: Machine) -> None:
    for machine in machines:
        machine.passed_ns += time_ns


def test_the_first_acts_and_the_second_observes_and_says_who_acts(ann: Machine, bob: Machine) -> None:
    assert not ann.acts()
    assert ann.looks()
    assert not bob.looks()
    assert "ann@there" in bob.reason().reason
    assert "takes over" in bob.reason().remedy


def test_one_that_writes_it_anew_keeps_it(ann: Machine, bob: Machine) -> None:
    for _ in range(5):
        assert (ann.looks(), bob.looks()) == (True, False)
        pass_ns(LASTS_NS // 2, ann, bob)


def test_one_that_is_silent_stops_before_another_takes_over(ann: Machine, bob: Machine) -> None:
    assert (ann.looks(), bob.looks()) == (True, False)
    pass_ns(LASTS_NS - MARGIN_NS, ann, bob)
    assert (ann.acts(), bob.looks()) == (False, False)
    pass_ns(MARGIN_NS, ann, bob)
    assert bob.looks()
    assert not ann.looks()


def test_a_watcher_counts_from_when_it_saw_the_last_write(ann: Machine, bob: Machine) -> None:
    ann.looks()
    bob.looks()
    pass_ns(LASTS_NS - 1, ann, bob)
    ann.looks()
    pass_ns(1, ann, bob)
    assert not bob.looks()
    pass_ns(LASTS_NS - 1, bob)
    assert not bob.looks()
    pass_ns(1, bob)
    assert bob.looks()


def test_of_two_that_take_it_at_once_one_gets_it(ann: Machine, bob: Machine, tmp_path: Path, remote: Path) -> None:
    cem = Machine(tmp_path / "cem", remote, "cem", passed_ns=0)
    for machine in (ann, bob, cem):
        machine.looks()
    pass_ns(LASTS_NS, ann, bob, cem)
    assert (bob.looks(), cem.looks(), ann.looks()) == (True, False, False)


def test_without_an_answer_nobody_acts_for_longer_than_the_lease_lasts(
    ann: Machine, bob: Machine, remote: Path
) -> None:
    ann.looks()
    away = remote.rename(remote.with_name("away.git"))
    pass_ns(LASTS_NS // 2, ann, bob)
    assert (ann.looks(), bob.looks()) == (True, False)
    pass_ns(LASTS_NS // 2, ann, bob)
    assert (ann.looks(), bob.looks()) == (False, False)
    assert "git ls-remote" in ann.reason().remedy
    away.rename(remote)
    assert (ann.looks(), bob.looks()) == (True, False)


def test_a_write_whose_answer_was_lost_counts_from_its_beginning(ann: Machine, bob: Machine, remote: Path) -> None:
    hook = remote / "hooks" / "post-update"
    ann.looks()
    pass_ns(LASTS_NS // 2, ann)
    hook.write_text("#!/bin/sh\nkill -9 $PPID\n")
    hook.chmod(0o755)
    ann.lease.look()
    hook.unlink()
    pass_ns(LASTS_NS // 2, ann)
    assert ann.looks()
    assert not bob.looks()


def test_given_up_another_takes_it_at_once(ann: Machine, bob: Machine) -> None:
    assert (ann.looks(), bob.looks()) == (True, False)
    ann.lease.give_up()
    assert (ann.acts(), bob.looks()) == (False, True)


def test_restarted_on_its_machine_it_goes_on_at_once(ann: Machine) -> None:
    ann.looks()
    ann.restart()
    assert not ann.acts()
    assert ann.looks()


def test_a_lease_that_cannot_be_read_is_somebody_elses(ann: Machine, remote: Path) -> None:
    blob = subprocess.run(
        ["git", "-C", str(remote), "hash-object", "-w", "--stdin"], input=b"?\n", capture_output=True, check=True
    )
    git(remote, "update-ref", REF, blob.stdout.decode().strip())
    assert not ann.looks()
    assert "cannot be read" in ann.reason().reason
    pass_ns(LASTS_NS, ann)
    assert ann.looks()


def test_a_state_folder_without_that_remote_needs_none(ann: Machine) -> None:
    git(ann.folder, "remote", "remove", REMOTE)
    ann.restart()
    assert (ann.acts(), ann.lease.is_used) == (True, False)
