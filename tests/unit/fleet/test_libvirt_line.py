"""A connection is closed by the last that uses it. On libvirt's own test driver: no host is needed."""

from __future__ import annotations

import threading

import libvirt
import pytest

from ferryman.fleet.libvirt_line import Line


class Closed:
    """Where connections are closed; here only counted."""

    def __init__(self) -> None:
        self.connections: list[libvirt.virConnect] = []

    def __call__(self, connection: libvirt.virConnect) -> None:
        self.connections.append(connection)


@pytest.fixture
def closed() -> Closed:
    return Closed()


@pytest.fixture
def line(closed: Closed) -> Line:
    return Line(libvirt.open("test:///default"), closed)


def test_retired_under_a_call_it_is_closed_when_the_last_has_done(line: Line, closed: Closed) -> None:
    first, second = line.acquire(), line.acquire()
    assert first is second
    line.retire()
    line.release()
    assert closed.connections == []
    line.release()
    assert closed.connections == [first]


def test_unused_it_is_closed_at_once_and_only_once(line: Line, closed: Closed) -> None:
    line.retire()
    line.retire()
    assert len(closed.connections) == 1


def test_it_stays_open_between_uses(line: Line, closed: Closed) -> None:
    for _ in range(3):
        line.acquire()
        line.release()
    assert closed.connections == []


def test_many_threads_close_it_once(line: Line, closed: Closed) -> None:
    def use() -> None:
        line.acquire()
        line.release()

    line.acquire()
    threads = [threading.Thread(target=use) for _ in range(16)]
    for thread in threads:
        thread.start()
    line.retire()
    for thread in threads:
        thread.join()
    line.release()
    assert len(closed.connections) == 1
