"""A change wakes; looking does not."""

from __future__ import annotations

import threading
from pathlib import Path

from spec_trees import GOOD, GUEST, commit, git, new_repository, write

from ferryman.specs.folder import FolderSource
from ferryman.specs.git import git_source
from ferryman.specs.source import WatchedPlace
from ferryman.specs.watching import Watcher

PATIENCE_S = 10


def test_a_commit_wakes(tmp_path: Path) -> None:
    repository = new_repository(tmp_path / "fleet", GOOD)
    source = git_source(repository)
    assert source is not None
    woken = threading.Event()
    with Watcher(source.watched(), woken.set):
        commit_id = commit(repository, {"vms/guest-01.toml": GUEST + "# edited\n"})
        assert woken.wait(PATIENCE_S)
        assert source.current().revision.id == commit_id


def test_packed_and_switched_refs_wake(tmp_path: Path) -> None:
    repository = new_repository(tmp_path / "fleet", GOOD)
    source = git_source(repository)
    assert source is not None
    woken = threading.Event()
    with Watcher(source.watched(), woken.set):
        git(repository, "pack-refs", "--all")
        assert woken.wait(PATIENCE_S)
    woken.clear()
    with Watcher(source.watched(), woken.set):
        git(repository, "symbolic-ref", "HEAD", "refs/heads/other")
        assert woken.wait(PATIENCE_S)


def test_a_new_file_in_a_folder_wakes(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    woken = threading.Event()
    with Watcher(FolderSource(folder=tmp_path).watched(), woken.set):
        write(tmp_path, {"vms/guest-02.toml": "x"})
        assert woken.wait(PATIENCE_S)


def test_looking_wakes_nobody(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    source = FolderSource(folder=tmp_path)
    wakes: list[str] = []
    woken = threading.Event()

    def wake() -> None:
        wakes.append("woken")
        woken.set()

    with Watcher(source.watched(), wake):
        for _ in range(20):
            source.current()
        # The queue is in order: once this one is through, nothing of the reading is still under way.
        (tmp_path / "vms" / "guest-01.toml").unlink()
        assert woken.wait(PATIENCE_S)
    # The removal itself: the file, and the folder that held it.
    assert len(wakes) <= 2


def test_a_place_that_is_not_there_is_told(tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    with Watcher([WatchedPlace(directory=nowhere, recursive=True)], lambda: None) as watcher:
        assert watcher.unwatched == [nowhere]
