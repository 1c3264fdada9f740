"""Values survive the way through a file; a damaged file is named and harms nothing else."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from any_values import any_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from record_samples import NOON, entry, ready, record

from ferryman.records import atomic_files, toml_files
from ferryman.records.audit.record import MigrationRecord
from ferryman.records.errors import RecordError, StateUnwritableError
from ferryman.records.journal.entry import JournalEntry
from ferryman.records.state.states import HostState, VmState

KINDS = [VmState, HostState, MigrationRecord, JournalEntry]


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_every_value_comes_back_as_it_was_written(kind: type[object], data: st.DataObject) -> None:
    value = data.draw(any_of(kind))

    assert toml_files.from_toml(toml_files.to_toml(value), kind) == value


def test_what_is_none_is_not_in_the_file() -> None:
    assert b"last_migration" not in toml_files.to_toml(ready("guest-01"))


def test_a_local_time_is_written_in_utc() -> None:
    east = datetime(2026, 11, 23, 14, 0, tzinfo=timezone(timedelta(hours=2)))

    assert b"since = 2026-11-23 12:00:00+00:00" in toml_files.to_toml(ready("guest-01", since=east))


def test_a_time_without_a_zone_is_refused() -> None:
    naive = NOON.replace(tzinfo=None)

    with pytest.raises(ValueError, match="names no zone"):
        toml_files.to_toml(ready("guest-01", since=naive))


def test_half_characters_from_outside_do_not_cost_the_file() -> None:
    content = toml_files.to_toml(record(reason="caf\udce9"))

    assert toml_files.from_toml(content, MigrationRecord).reason == "caf?"


@pytest.mark.parametrize(
    "content",
    [b"", b"name = ", b"name = 3", b"\xff\xfe", b"name = 'a'\nname = 'b'", b"a = " + b"[" * 5000],
    ids=["empty", "truncated", "wrong type", "not text", "key twice", "nested too deep"],
)
def test_a_damaged_file_is_named_with_a_remedy(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "guest-01.toml"
    path.write_bytes(content)

    with pytest.raises(RecordError) as caught:
        toml_files.read(path, VmState)

    assert caught.value.path == path
    assert str(path) in caught.value.reason
    assert "git" in caught.value.remedy


@settings(deadline=None)
@given(cut=st.integers(min_value=0, max_value=200))
def test_a_record_cut_anywhere_never_passes_for_another_record(cut: int) -> None:
    whole = toml_files.to_toml(record())
    try:
        assert toml_files.from_toml(whole[:cut], MigrationRecord) is None
    except ValueError:
        return


def test_the_same_value_is_not_written_again(tmp_path: Path) -> None:
    path = tmp_path / "guest-01.toml"

    assert toml_files.write_if_changed(path, ready("guest-01"))
    before = path.stat().st_ino
    assert not toml_files.write_if_changed(path, ready("guest-01"))
    assert path.stat().st_ino == before


def test_a_key_of_a_newer_ferryman_is_passed_over() -> None:
    content = toml_files.to_toml(HostState(name="oslo", reachable=True)) + b'mood = "good"\n'

    assert toml_files.from_toml(content, HostState).name == "oslo"


DIES_BEFORE_THE_RENAME = """
import os, signal, sys
from pathlib import Path
from ferryman.records import atomic_files

def die(event, arguments):
    if event == "os.rename":
        os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(die)
atomic_files.replace(Path(sys.argv[1]), b"new")
"""


def test_killed_between_writing_and_renaming_the_old_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "guest-01.toml"
    path.write_bytes(b"old")

    died = subprocess.run([sys.executable, "-c", DIES_BEFORE_THE_RENAME, str(path)], check=False)

    assert died.returncode == -signal.SIGKILL
    assert path.read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 2
    atomic_files.sweep(tmp_path)
    assert list(tmp_path.iterdir()) == [path]


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from ferryman.records import atomic_files
from ferryman.records.errors import StateUnwritableError

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
try:
    atomic_files.replace(Path(sys.argv[1]), b"x" * 1000)
except StateUnwritableError as error:
    print(error.remedy)
"""


def test_a_write_that_does_not_fit_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "guest-01.toml"
    path.write_bytes(b"old")

    tried = subprocess.run([sys.executable, "-c", FULL_DISK, str(path)], check=True, capture_output=True)

    assert b"Make room" in tried.stdout
    assert [(path, b"old")] == [(found, found.read_bytes()) for found in tmp_path.iterdir()]


def test_a_file_where_the_folder_should_be_is_a_refusal_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "vms").write_text("in the way")

    with pytest.raises(StateUnwritableError) as caught:
        toml_files.write_if_changed(tmp_path / "vms" / "guest-01.toml", entry())

    assert os.strerror(errno.EEXIST) in caught.value.reason
    assert caught.value.remedy


def test_create_never_replaces(tmp_path: Path) -> None:
    path = tmp_path / "record.toml"

    assert atomic_files.create(path, b"first")
    assert not atomic_files.create(path, b"second")
    assert [(path, b"first")] == [(found, found.read_bytes()) for found in tmp_path.iterdir()]
