"""A second daemon on one state folder observes only, says so, and takes over."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

from ferryman.cli.standing_by import open_when_free
from ferryman.records.lock import FolderLock
from ferryman.records.store import StateStore
from ferryman.service import ServiceManager


class Stop(threading.Event):
    """Takes no time; something happens while it is waited for."""

    def __init__(self, meanwhile: Callable[[], None]) -> None:
        super().__init__()
        self._meanwhile = meanwhile

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self._meanwhile()
        return self.is_set()


class Told:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def standing_by(self, reason: str) -> None:
        self.lines.append(reason)

    def taking_over(self) -> None:
        self.lines.append("taking over")


def test_it_takes_over_when_the_first_is_gone(tmp_path: Path) -> None:
    first, told = StateStore.open(tmp_path), Told()
    store = open_when_free(tmp_path, Stop(first.close), ServiceManager({}), told)
    assert store is not None
    store.close()
    observing, over = told.lines
    assert f"process {os.getpid()} on " in observing
    assert "since 20" in observing
    assert over == "taking over"


def test_it_says_so_once_and_ends_when_it_is_stopped(tmp_path: Path) -> None:
    waits: list[int] = []

    def third_wait_stops() -> None:
        waits.append(1)
        if len(waits) == 3:
            stop.set()

    stop, told = Stop(third_wait_stops), Told()
    with StateStore.open(tmp_path):
        assert open_when_free(tmp_path, stop, ServiceManager({}), told) is None
    assert len(told.lines) == 1


def test_a_free_folder_is_opened_at_once(tmp_path: Path) -> None:
    told = Told()
    store = open_when_free(tmp_path, Stop(lambda: None), ServiceManager({}), told)
    assert store is not None
    assert FolderLock.holder(tmp_path) is not None
    store.close()
    assert (told.lines, FolderLock.holder(tmp_path)) == ([], None)
