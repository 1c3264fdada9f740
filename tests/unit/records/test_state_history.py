"""The state folder's commits, as plain git sees them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from record_samples import REVISION, UNMEASURED, entry, ready, record

from ferryman.records.audit.record import Outcome
from ferryman.records.errors import HistoryError
from ferryman.records.journal.journal import Journal
from ferryman.records.state.messages import (
    CommitMessage,
    changes_message,
    host_change,
    migration_message,
    vm_change,
)
from ferryman.records.state.repository import IGNORED
from ferryman.records.state.states import HostState
from ferryman.records.store import StateStore

MESSAGE = CommitMessage(subject="test")


def git(folder: Path, *arguments: str) -> str:
    run = subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True, text=True)
    return run.stdout.strip()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StateStore]:
    with StateStore.open(tmp_path / "state") as opened:
        yield opened


def test_a_migration_is_one_commit_with_trailers(store: StateStore) -> None:
    moved = record()
    files = [store.write_record(moved), store.paths.vm("guest-01")]
    store.write_vm(ready("guest-01"))

    commit = store.commit(migration_message(moved), files)

    assert commit == git(store.folder, "rev-parse", "main")
    assert git(store.folder, "show", "--format=", "--name-only").splitlines() == [
        f"migrations/2026/11/{moved.id}.toml",
        "vms/guest-01.toml",
    ]
    assert git(store.folder, "log", "-1", "--format=%s") == (
        "guest-01: moved tallinn -> skopje (live), downtime 94.0 ms"
    )
    trailers = dict(line.split(": ", 1) for line in git(store.folder, "log", "-1", "--format=%(trailers)").splitlines())
    assert trailers["Vm"] == "guest-01"
    assert (trailers["From"], trailers["To"], trailers["Method"]) == ("tallinn", "skopje", "live")
    assert (trailers["Cause"], trailers["Cause-Revision"]) == ("spec", REVISION)
    assert (trailers["Downtime-Ms"], trailers["Record"]) == ("94.0", moved.id)


def test_nothing_changed_is_no_commit(store: StateStore) -> None:
    store.write_vm(ready("guest-01"))
    assert store.commit(MESSAGE)

    assert store.commit(MESSAGE) is None
    assert store.commit(MESSAGE, [store.paths.vm("guest-01")]) is None
    assert store.commit(MESSAGE, [store.paths.vm("never-written")]) is None
    subjects = git(store.folder, "log", "--format=%s").splitlines()
    assert subjects == ["test", "Begin the history of this state folder"]


def test_only_state_and_records_are_ever_committed(store: StateStore) -> None:
    store.write_vm(ready("guest-01"))
    store.write_host(HostState(name="oslo", reachable=True))
    store.write_record(record())
    Journal(store.folder).write(entry())
    (store.folder / "live").mkdir()
    (store.folder / "live" / "guest-01.json").write_text("{}")
    (store.folder / "notes.txt").write_text("somebody's")
    store.commit(MESSAGE)

    assert git(store.folder, "ls-files").splitlines() == [
        ".gitignore",
        "hosts/oslo.toml",
        "migrations/2026/11/20261123T120000Z-guest-01-3f2a.toml",
        "vms/guest-01.toml",
    ]
    assert git(store.folder, "status", "--porcelain") == "?? notes.txt"


def test_a_commit_of_some_files_leaves_the_others_to_the_next(store: StateStore) -> None:
    store.write_vm(ready("guest-01"))
    store.write_vm(ready("guest-02"))

    store.commit(CommitMessage(subject="one"), [store.paths.vm("guest-01")])
    assert git(store.folder, "show", "--format=", "--name-only") == "vms/guest-01.toml"

    store.commit(CommitMessage(subject="two"))
    assert git(store.folder, "show", "--format=", "--name-only") == "vms/guest-02.toml"


def test_a_forgotten_vm_leaves_the_tree_in_a_commit(store: StateStore) -> None:
    store.write_vm(ready("guest-01"))
    store.commit(MESSAGE)
    store.remove_vm("guest-01")

    assert store.commit(MESSAGE, [store.paths.vm("guest-01")])
    assert git(store.folder, "ls-files") == ".gitignore"


def test_the_last_host_to_leave_with_its_folder_is_committed_too(store: StateStore) -> None:
    store.write_host(HostState(name="oslo", reachable=True))
    store.commit(MESSAGE)
    store.remove_host("oslo")
    (store.folder / "hosts").rmdir()

    assert store.commit(MESSAGE)
    assert git(store.folder, "ls-files") == ".gitignore"


def test_moves_that_end_together_get_a_commit_each(store: StateStore) -> None:
    names = [f"guest-{number:02}" for number in range(8)]

    def finish(name: str) -> str | None:
        moved = record(record_id=f"20261123T120000Z-{name}-3f2a", vm=name)
        return store.commit(migration_message(moved), [store.write_record(moved)])

    with ThreadPoolExecutor(4) as pool:
        commits = list(pool.map(finish, names))

    assert len({commit for commit in commits if commit}) == len(names)
    recorded = git(store.folder, "log", "--format=%(trailers:key=Vm,valueonly,separator=%x2C)").splitlines()
    assert sorted(name for name in recorded if name) == names


def test_a_repository_around_the_folder_is_left_alone(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    with StateStore.open(tmp_path / "state") as store:
        store.write_vm(ready("guest-01"))
        store.commit(MESSAGE)

        assert git(store.folder, "rev-parse", "--show-toplevel") == str(store.folder)
    assert git(tmp_path, "ls-files") == ""
    assert not (tmp_path / ".git" / "refs" / "heads" / "main").exists()


def test_an_interrupted_git_command_is_named_and_the_next_commit_catches_up(store: StateStore) -> None:
    lock = store.folder / ".git" / "index.lock"
    lock.touch()
    store.write_vm(ready("guest-01"))

    with pytest.raises(HistoryError) as caught:
        store.commit(MESSAGE)
    assert f"rm {lock}" in caught.value.remedy

    lock.unlink()
    assert store.commit(MESSAGE)
    assert "vms/guest-01.toml" in git(store.folder, "ls-files")


def test_a_damaged_repository_is_named_and_moving_it_aside_mends_it(store: StateStore) -> None:
    store.write_vm(ready("guest-01"))
    store.commit(MESSAGE)
    (store.folder / ".git" / "HEAD").write_text("garbage")
    store.write_vm(ready("guest-02"))

    with pytest.raises(HistoryError) as caught:
        store.commit(MESSAGE)
    assert ".git.damaged" in caught.value.remedy

    (store.folder / ".git").rename(store.folder / ".git.damaged")
    assert store.commit(MESSAGE)
    assert "vms/guest-02.toml" in git(store.folder, "ls-files")


def test_the_users_own_ignore_lines_stay(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("mine")

    StateStore.open(tmp_path).close()
    StateStore.open(tmp_path).close()

    assert (tmp_path / ".gitignore").read_text().splitlines() == ["mine", *IGNORED]


def test_trailers_stay_whole_whatever_the_text_holds(tmp_path: Path) -> None:
    moved = record(reason="line one\n\nVm: forged\n# not a comment\0")
    text = migration_message(moved).text()

    parsed = subprocess.run(
        ["git", "interpret-trailers", "--parse"], input=text, cwd=tmp_path, check=True, capture_output=True, text=True
    ).stdout.splitlines()

    assert [line for line in parsed if line.startswith("Vm:")] == ["Vm: guest-01"]
    assert parsed[-1] == f"Record: {moved.id}"


def test_an_observed_change_is_told_in_one_line() -> None:
    change = vm_change(None, ready("guest-01"))

    assert change
    assert changes_message([change], REVISION).text() == (
        f"guest-01: Ready (InPlace), running on tallinn\n\nVm: guest-01\nHost: tallinn\nCause-Revision: {REVISION}\n"
    )
    assert vm_change(ready("guest-01"), ready("guest-01")) is None


def test_a_failed_move_says_why_and_what_mends_it() -> None:
    text = migration_message(record(outcome=Outcome.FAILED, measurement=UNMEASURED, reason="No room.")).text()

    assert text.startswith("guest-01: move tallinn -> skopje (live) failed\n")
    assert "\nNo room.\n" in text
    assert "\nDowntime-Ms: unmeasured\n" in text


def test_several_changes_are_one_message() -> None:
    vms = (vm_change(None, ready("guest-01")), vm_change(ready("guest-02"), None))
    oslo = host_change(None, HostState(name="oslo", reachable=True, maintenance=True, drained=True))

    text = changes_message([change for change in (*vms, oslo) if change]).text()

    assert text.startswith("Observed 3 changes: guest-01, guest-02, oslo\n")
    assert "guest-02: no longer in the specs\noslo: drained\n" in text


@pytest.mark.parametrize(
    ("host", "said"),
    [
        (HostState(name="oslo", reachable=True, vms=("a", "b")), "in service, 2 VMs"),
        (HostState(name="oslo", reachable=False, reason="no route"), "unreachable: no route"),
        (HostState(name="oslo", reachable=True, maintenance=True, remaining=("a",)), "draining, still 1 VM"),
    ],
)
def test_a_hosts_change_says_what_it_came_to(host: HostState, said: str) -> None:
    change = host_change(None, host)

    assert change
    assert change.text == said
    assert host_change(host, host) is None
