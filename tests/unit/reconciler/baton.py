"""Threads of which only one runs at a time, in the order that a test says; and a way for all of them to die at once.

Whoever has the baton runs until the next place where something else could happen: before and after every call to a
host, before a file of the state folder takes its place, and wherever it waits. A daemon that is killed is just one
whose threads never get the baton again.
"""

from __future__ import annotations

import errno
import os
import sys
import threading
from collections.abc import Callable, Collection
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

from house import PATIENCE_S, HandClock

_MOST_TURNS = 20_000
"""Of one wait in the loop's own thread; more is taken for going round in circles."""
_FILE_EVENTS = frozenset({"os.rename", "os.link", "os.remove"})


class Killed(BaseException):
    """SIGKILL: nothing catches it, and whatever would tidy up touches nothing any more."""


@dataclass(slots=True, eq=False)
class Task:
    """A thread, and whether it may run."""

    name: str
    go: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    killed: bool = False
    over: bool = False


class Baton:
    """`Work` whose tasks take turns."""

    def __init__(self, clock: HandClock) -> None:
        self.tasks: list[Task] = []
        self._clock = clock
        self._back = threading.Semaphore(0)
        self._mine = threading.local()

    def begin(self, name: str, task: Callable[[], None]) -> None:
        """It does not run before its first turn."""
        made = Task(name=name)
        self.tasks.append(made)
        threading.Thread(target=self._run, args=(made, task), name=name, daemon=True).start()

    def wait(self, calls: Collection[Future[None]], timeout_s: float) -> bool:
        """A task passes the baton once; the loop's thread lets all others go on until what it waits for is there."""
        if self.in_task():
            self.passes(timeout_s)
            return all(call.done() for call in calls)
        for _ in range(_MOST_TURNS):
            if all(call.done() for call in calls):
                return True
            self.round()
        raise AssertionError(f"{[task.name for task in self.tasks]} do not come to an end")

    def in_task(self) -> bool:
        """Whether the caller is one of the tasks."""
        return self._current() is not None

    def passes(self, timeout_s: float = 0.0) -> None:
        """Let others go on, if this is a task; what it would have waited is the clock's."""
        task = self._current()
        if task is None:
            return
        if not task.killed:
            self._back.release()
            task.go.acquire()
        if task.killed:
            raise Killed
        self._clock.passed_s += timeout_s

    def turn(self, task: Task) -> None:
        """Let one task go on to its next place."""
        task.go.release()
        assert self._back.acquire(timeout=PATIENCE_S), f"{task.name} hangs"
        self.tasks = [task for task in self.tasks if not task.over]

    def round(self) -> None:
        """A turn for each."""
        for task in list(self.tasks):
            self.turn(task)

    def kill(self) -> None:
        """None of them does anything any more."""
        for task in list(self.tasks):
            task.killed = True
            self.turn(task)
        assert self.tasks == [], "a killed thread goes on"

    def _run(self, made: Task, task: Callable[[], None]) -> None:
        self._mine.task = made
        made.go.acquire()
        try:
            if not made.killed:
                task()
        except Killed:
            pass  # as if it had never been
        finally:
            made.over = True
            self._back.release()

    def _current(self) -> Task | None:
        return getattr(self._mine, "task", None)


class HandStop(threading.Event):
    """A daemon's stop signal. Waiting for it passes the baton."""

    def __init__(self, baton: Baton) -> None:
        super().__init__()
        self._baton = baton

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None, "nobody would ever wake this thread"
        if not self.is_set():
            self._baton.passes(timeout)
        return self.is_set()


class HandNews(threading.Condition):
    """The fake fleet's own: a call that waits in it, waits for its next turn."""

    def __init__(self, baton: Baton) -> None:
        super().__init__(threading.RLock())
        self._baton = baton

    def wait(self, timeout: float | None = None) -> bool:
        self.release()
        try:
            self._baton.passes(timeout or 0.0)
        finally:
            self.acquire()
        return True


@dataclass(slots=True)
class Disk:
    """The file system of the state folder: whether it takes anything, and where the daemon dies on its way there."""

    folder: Path
    baton: Baton
    read_only: bool = False
    dies_after: int | None = None
    """Files that the loop's own thread still gets into place before it is killed."""

    def touched(self, path: object) -> None:
        """A file is about to be renamed, linked or removed. Raises what the system would."""
        if not isinstance(path, (str, bytes, os.PathLike)) or not Path(os.fsdecode(path)).is_relative_to(self.folder):
            return
        self.baton.passes()
        if self.dies_after is not None and not self.baton.in_task():
            self.dies_after -= 1
            if self.dies_after < 0:
                self.dies_after = None
                raise Killed
        if self.read_only:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))


_watched: list[Disk] = []


def watch(disk: Disk | None) -> None:
    """Let this file system, and no other, take part from now on."""
    _watched[:] = [] if disk is None else [disk]


def _hear(event: str, arguments: tuple[object, ...]) -> None:
    if _watched and event in _FILE_EVENTS:
        _watched[0].touched(arguments[0])


# Python tells of its own calls (PEP 578) and so none of the daemon's code need know that it is watched. Hooks stay for
# good: there is one, of no effect while nothing is watched.
sys.addaudithook(_hear)
