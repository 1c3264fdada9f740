"""Waiting for a call that cannot be interrupted: it goes on in a thread of its own, and the caller does not."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from ferryman.fleet.errors import FleetError

T = TypeVar("T")


def begin(name: str, work: Callable[[], T]) -> Future[T]:
    """Do this in a daemon thread, not an executor's: a program that ends must not wait for a host that hangs."""
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

    threading.Thread(target=run, name=name, daemon=True).start()
    return call


def result_within(call: Future[T], deadline_s: float) -> T:
    """What the call returns or raises; raises TimeoutError where it is not over in time."""
    try:
        return call.result(deadline_s)
    except TimeoutError:
        raise TimeoutError(f"no answer within {deadline_s:g} s") from None
