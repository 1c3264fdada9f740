"""A connection is used by one thread at a time. On libvirt's own test driver: no host is needed."""

from __future__ import annotations

import libvirt
import pytest

from ferryman.fleet.libvirt_adapter.pool import ConnectionPool


class Closed:
    """Where connections are closed."""

    def __init__(self) -> None:
        self.connections: list[libvirt.virConnect] = []

    def __call__(self, connection: libvirt.virConnect) -> None:
        self.connections.append(connection)


@pytest.fixture
def closed() -> Closed:
    return Closed()


@pytest.fixture
def pool(closed: Closed) -> ConnectionPool:
    pool = ConnectionPool(closed)
    for _ in range(2):
        pool.add(libvirt.open("test:///default"))
    return pool


def test_nobody_is_given_what_another_uses(pool: ConnectionPool) -> None:
    first, second = pool.take(), pool.take()
    assert first is not None
    assert second is not None
    assert first is not second
    assert pool.take() is None
    pool.give_back(first, pool.generation)
    assert pool.take() is first


def test_cleared_it_closes_the_idle_at_once_and_the_others_when_their_users_have_done(
    pool: ConnectionPool, closed: Closed
) -> None:
    taken, generation = pool.take(), pool.generation
    assert taken is not None
    pool.clear()
    assert len(closed.connections) == 1
    assert taken not in closed.connections
    pool.give_back(taken, generation)
    assert closed.connections[-1] is taken
    assert pool.take() is None


def test_what_was_opened_meanwhile_comes_back(pool: ConnectionPool, closed: Closed) -> None:
    opened = libvirt.open("test:///default")
    pool.give_back(opened, pool.generation)
    assert pool.take() is opened
    assert closed.connections == []
