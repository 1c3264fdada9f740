"""Waiting for a call that cannot be interrupted: it goes on in a thread of its own, and the caller does not."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from ferryman.fleet.errors import FleetError

T = TypeVar("T")


Start = Callable[[str, Callable[[], None]], None]
"""Begins a task of this name beside what else is done."""


def in_thread(name: str, task: Callable[[], None]) -> None:
    """A daemon thread, not an executor's: a program that ends must not wait for a host that hangs."""
    threading.Thread(target=task, name=name, daemon=True).start()


def begin(name: str, work: Callable[[], T], start: Start = in_thread) -> Future[T]:
    """Do this in the background; its result, or the FleetError that it raised, once it is over."""
    call: Future[T] = Future()

    def run() -> None:
        try:
            done = work()
        except FleetError as error:
            call.set_exception(error)
        else:
            call.set_result(done)
        finally:
            call.cancel()  # of no effect but where the thread dies of a fault: then nobody waits for it for ever

    start(name, run)
    return call


def result_within(call: Future[T], deadline_s: float) -> T:
    """What the call returns or raises; raises TimeoutError where it is not over in time."""
    try:
        return call.result(deadline_s)
    except TimeoutError:
        raise TimeoutError(f"no answer within {deadline_s:g} s") from None
