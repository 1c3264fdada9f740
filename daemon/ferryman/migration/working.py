"""Work in the background: in threads, or as a test orders it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from concurrent.futures import Future
from concurrent.futures import wait as wait_for
from typing import Protocol

from ferryman.fleet.deadlines import in_thread


class Work(Protocol):
    """What the program asks of threads, where it touches the world from several at once."""

    def begin(self, name: str, task: Callable[[], None]) -> None:
        """Do this beside what else is done. A program that ends does not wait for it."""
        ...

    def wait(self, calls: Collection[Future[None]], timeout_s: float) -> bool:
        """Wait for the results of such tasks together; whether all are there."""
        ...


class Threads:
    """A thread for each task."""

    def begin(self, name: str, task: Callable[[], None]) -> None:
        """Do this in a thread of its own."""
        in_thread(name, task)

    def wait(self, calls: Collection[Future[None]], timeout_s: float) -> bool:
        """Wait for the results of such tasks together; whether all are there."""
        return not wait_for(calls, timeout_s).not_done


THREADS = Threads()
