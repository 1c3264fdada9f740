"""The state folder: one writer, nothing lost, nothing by halves, and it may be deleted at any time."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from record_samples import ready, record

from ferryman.records.errors import RecordExistsError, StateLockedError, StateUnwritableError
from ferryman.records.progress_files import FOLDER as LIVE
from ferryman.records.state.messages import CommitMessage
from ferryman.records.state.states import HostState
from ferryman.records.store import StateStore

MESSAGE = CommitMessage(subject="test")


def test_states_written_are_states_read(tmp_path: Path) -> None:
    with StateStore.open(tmp_path / "state") as store:
        assert store.write_vm(ready("guest-01"))
        assert not store.write_vm(ready("guest-01"))
        assert store.write_host(HostState(name="oslo", reachable=True))

        assert store.vm_states() == {"guest-01": ready("guest-01")}
        assert store.host_states()["oslo"].reachable


def test_a_damaged_state_is_listed_and_the_others_go_on(tmp_path: Path) -> None:
    with StateStore.open(tmp_path) as store:
        store.write_vm(ready("guest-01"))
        store.write_vm(ready("guest-02"))
        store.paths.vm("guest-02").write_bytes(b"name = ")

        assert list(store.vm_states()) == ["guest-01"]
        assert [error.path for error in store.damaged()] == [store.paths.vm("guest-02")]

        store.write_vm(ready("guest-02"))
        assert store.damaged() == ()


def test_a_record_is_filed_by_the_month_it_began_in(tmp_path: Path) -> None:
    with StateStore.open(tmp_path) as store:
        path = store.write_record(record())

    assert path == tmp_path / "migrations/2026/11/20261123T120000Z-guest-01-3f2a.toml"


def test_a_record_never_changes(tmp_path: Path) -> None:
    with StateStore.open(tmp_path) as store:
        path = store.write_record(record())
        written = path.read_bytes()

        assert store.write_record(record()) == path, "the same again, after a crash, is no trouble"
        with pytest.raises(RecordExistsError):
            store.write_record(replace(record(), why="something else"))

        assert path.read_bytes() == written


def test_a_second_writer_is_refused_and_may_read(tmp_path: Path) -> None:
    with StateStore.open(tmp_path) as first:
        first.write_vm(ready("guest-01"))
        with pytest.raises(StateLockedError) as caught:
            StateStore.open(tmp_path)
        reader = StateStore.open(tmp_path, read_only=True)

        assert list(reader.vm_states()) == ["guest-01"]
        assert caught.value.remedy
        with pytest.raises(StateUnwritableError):
            reader.write_vm(ready("guest-02"))


HOLDS_THE_FOLDER = """
import sys
from pathlib import Path
from ferryman.records.store import StateStore

store = StateStore.open(Path(sys.argv[1]))
print("open", flush=True)
sys.stdin.read()
"""


def test_the_lock_holds_between_processes_and_dies_with_its_holder(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS_THE_FOLDER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout
        assert other.stdout.readline() == "open\n"
        with pytest.raises(StateLockedError, match=f"process {other.pid}"):
            StateStore.open(tmp_path)
        other.kill()

    StateStore.open(tmp_path).close()


def test_a_deleted_folder_is_begun_anew(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    with StateStore.open(folder) as store:
        store.write_vm(ready("guest-01"))
        store.commit(MESSAGE)
    shutil.rmtree(folder)

    with StateStore.open(folder) as store:
        assert store.vm_states() == {}
        store.write_vm(ready("guest-01"))
        assert store.commit(MESSAGE)


def test_a_folder_deleted_under_the_daemon_is_no_obstacle(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    with StateStore.open(folder) as store:
        shutil.rmtree(folder)

        assert store.vm_states() == {}
        assert store.write_vm(ready("guest-01"))
        assert store.commit(MESSAGE)


def test_a_vm_that_left_the_specs_is_forgotten_and_its_records_stay(tmp_path: Path) -> None:
    with StateStore.open(tmp_path) as store:
        store.write_vm(ready("guest-01"))
        path = store.write_record(record())

        assert store.remove_vm("guest-01")
        assert not store.remove_vm("guest-01")
        assert store.vm_states() == {}
        assert path.exists()


def test_opening_clears_what_a_killed_daemon_left(tmp_path: Path) -> None:
    StateStore.open(tmp_path).close()
    left = [tmp_path / "vms" / ".guest-01.toml.0badcafe.tmp", tmp_path / LIVE / "guest-01.json"]
    for path in left:
        path.parent.mkdir(exist_ok=True)
        path.write_text("half")

    StateStore.open(tmp_path).close()

    assert not [path for path in left if path.exists()]


@pytest.mark.parametrize("name", ["", "..", "a/b", ".hidden"])
def test_a_name_cannot_leave_the_folder(tmp_path: Path, name: str) -> None:
    with StateStore.open(tmp_path) as store, pytest.raises(ValueError, match="file's name"):
        store.write_vm(ready(name))


def test_a_folder_that_takes_no_file_is_a_refusal_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file in the way")

    with pytest.raises(StateUnwritableError) as caught:
        StateStore.open(tmp_path / "state")

    assert caught.value.remedy
