"""Whatever lies in the state folder, a daemon starts on it, says which file is damaged, and touches nothing outside."""

from __future__ import annotations

import re
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from fuzzing import effort, soon, texts
from hypothesis import given
from hypothesis import strategies as st
from test_hostile_specs import BOMBS, DOCUMENTS

from ferryman.reconciler.wanting import kept_in
from ferryman.records import requests, toml_files
from ferryman.records.audit import whole as audit
from ferryman.records.audit.record import MigrationRecord, RemovalRecord
from ferryman.records.audit.samples import read_samples
from ferryman.records.errors import RecordError, StateError
from ferryman.records.identity import identity_of, read_id
from ferryman.records.journal.entry import JournalEntry
from ferryman.records.journal.journal import Journal
from ferryman.records.lock import FolderLock
from ferryman.records.progress_files import read_progress
from ferryman.records.rates import read_rates
from ferryman.records.state.messages import CommitMessage
from ferryman.records.state.states import FleetState, HostState, VmState
from ferryman.records.store import StateStore
from ferryman.specs.source import Tree

KINDS = st.sampled_from([VmState, HostState, FleetState, JournalEntry, MigrationRecord, RemovalRecord])
JUNK = DOCUMENTS | BOMBS | st.binary(max_size=300)
_PLACES = """
vms/a.toml hosts/b.toml fleet.toml journal/a.toml migrations/2026/11/x.toml removals/2026/11/y.toml
live/a.json live/dirty-rates/a.json
samples/x.csv requests/a.toml daemon-id in-force.json .gitignore .lock
vms/.a.toml.12345678.tmp journal/-a.toml migrations/9999999/x/y.toml
"""
PLACES = st.sampled_from([*_PLACES.split()])


@effort
@given(kind=KINDS, content=JUNK)
def test_a_file_is_a_value_or_damaged(kind: type[object], content: bytes) -> None:
    with _folder() as folder:
        path = folder / "a.toml"
        path.write_bytes(content)
        try:
            with soon():
                value = toml_files.read(path, kind)
        except RecordError as error:
            found = [error.path, bool(error.remedy)]
        else:
            found = [path, isinstance(value, kind)]
        assert found == [path, True]


@effort
@given(files=st.dictionaries(PLACES, JUNK, max_size=2))
def test_any_folder_can_be_read(files: dict[str, bytes]) -> None:
    with _folder() as folder:
        for place, content in files.items():
            (folder / place).parent.mkdir(parents=True, exist_ok=True)
            (folder / place).write_bytes(content)
        with StateStore.open(folder, read_only=True) as store:
            read = [*store.vm_states(), *store.host_states(), store.fleet_state(), *store.damaged()]
        journal = Journal(folder)
        read += [*journal.entries(), *journal.damaged(), *audit.records(folder), *audit.removals(folder)]
        read += [*read_progress(folder), *read_rates(folder), *read_samples(folder, "x"), *requests.unanswered(folder)]
        assert read
        assert re.fullmatch("|[0-9a-f]{16}", read_id(folder))
        assert FolderLock.holder(folder) is None
        assert isinstance(kept_in(folder), Tree | None)


@pytest.mark.parametrize(
    "junk", [b"\0" * 17, b"\xff\xfe/journal/", b"", b"#" * 2_000_000], ids=["zeros", "no-text", "empty", "long"]
)
@pytest.mark.parametrize("place", [".gitignore", "daemon-id", ".lock", "fleet.toml", "in-force.json"])
def test_any_folder_can_be_written_to(tmp_path: Path, place: str, junk: bytes) -> None:
    """What a power cut leaves: files of zeros, of nothing, of something else."""
    (tmp_path / place).write_bytes(junk)
    with StateStore.open(tmp_path) as store:
        store.write_vm(VmState(name="a"))
        assert store.commit(CommitMessage(subject="Begin"))
        assert re.fullmatch("[0-9a-f]{16}", identity_of(tmp_path).id)
        assert b"/journal/" in (tmp_path / ".gitignore").read_bytes().splitlines()


@pytest.mark.parametrize("place", _PLACES.split())
def test_a_file_that_says_it_has_gibibytes_is_not_read(tmp_path: Path, place: str) -> None:
    (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
    with (tmp_path / place).open("wb") as file:
        file.truncate(8 * 1024**3)
    tracemalloc.start()
    try:
        with soon(), StateStore.open(tmp_path, read_only=True) as store:
            found = [*store.vm_states(), *store.host_states(), *Journal(tmp_path).entries(), *audit.records(tmp_path)]
            found += [*audit.removals(tmp_path), *read_progress(tmp_path), *read_rates(tmp_path)]
            found += [*read_samples(tmp_path, "x"), *requests.unanswered(tmp_path)]
            assert (found, store.fleet_state(), read_id(tmp_path), kept_in(tmp_path)) == ([], FleetState(), "", None)
        assert tracemalloc.get_traced_memory()[1] < 64 * 1024**2
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("lock", ["index.lock", "HEAD.lock", "packed-refs.lock", "refs/heads/main.lock"])
def test_the_locks_of_a_git_that_was_killed_are_removed_at_the_next_start(tmp_path: Path, lock: str) -> None:
    StateStore.open(tmp_path).close()
    (tmp_path / ".git" / lock).touch()
    with StateStore.open(tmp_path) as store:
        store.write_vm(VmState(name="a"))
        assert store.commit(CommitMessage(subject="Begin"))


@effort
@given(name=texts)
def test_no_name_leads_out_of_the_folder(name: str) -> None:
    with _folder() as folder:
        state = folder / "state"
        store = StateStore.open(state, read_only=True)
        for place in (store.paths.vm, store.paths.host):
            try:
                path = place(name)
            except ValueError:
                continue
            assert path.parent.parent == state
            assert not path.name.startswith(".")


def test_links_in_the_folder_are_not_written_through(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("precious")
    state = tmp_path / "state"
    (state / "vms").mkdir(parents=True)
    (state / "vms" / "a.toml").symlink_to(precious)
    with StateStore.open(state) as store:
        store.write_vm(VmState(name="a"))
    assert precious.read_text() == "precious"


def test_a_state_folder_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    with pytest.raises(StateError) as told:
        StateStore.open(tmp_path / "state")
    assert told.value.remedy


@contextmanager
def _folder() -> Iterator[Path]:
    memory = Path("/dev/shm")  # a disk would take most of the time
    with TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)
