"""One move of each method, and one thing that happens in it: at every moment of it, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from house import HOSTS
from world import Wish, World

from ferryman.planning.modes import Driver
from ferryman.records.audit.record import MigrationRecord, Outcome

VM = "web"
SOURCE, DESTINATION = HOSTS[1], HOSTS[2]
METHODS = ("live", "post-copy", "paused", "cold")
DRIVEN = ("live", "post-copy", "paused")
"""By the daemon's own connections, between hosts whose libvirtds do not reach each other."""
Happens = Callable[[World], None]


def is_killed(world: World) -> None:
    world.crash()


def is_stopped(world: World) -> None:
    world.stop()


def source_loses_power(world: World) -> None:
    world.power_is_cut(SOURCE)


def destination_loses_power(world: World) -> None:
    world.power_is_cut(DESTINATION)


def both_lose_power_and_it_is_killed(world: World) -> None:
    world.power_is_cut(SOURCE)
    world.power_is_cut(DESTINATION)
    world.crash()


def is_killed_and_source_loses_power(world: World) -> None:
    world.crash()
    world.power_is_cut(SOURCE)


def connection_breaks_and_it_is_killed(world: World) -> None:
    world.accidents.connection_breaks(VM)
    world.crash()


def destination_is_silent_and_it_is_killed(world: World) -> None:
    world.house.at(DESTINATION).faults.unreachable = True
    world.crash()
    goes_on(world, 20)


def source_is_silent_and_it_is_killed(world: World) -> None:
    world.house.at(SOURCE).faults.unreachable = True
    world.crash()
    goes_on(world, 20)


def state_takes_no_files(world: World) -> None:
    world.disk.read_only = True
    goes_on(world, 40)


def spec_changes_its_mind(world: World) -> None:
    world.wish(VM, Wish(host=SOURCE))
    goes_on(world, 5)


def spec_is_removed(world: World) -> None:
    (world.house.specs / "vms" / f"{VM}.toml").unlink()
    goes_on(world, 5)


THINGS: tuple[Happens, ...] = (
    is_stopped,
    source_loses_power,
    destination_loses_power,
    both_lose_power_and_it_is_killed,
    is_killed_and_source_loses_power,
    connection_breaks_and_it_is_killed,
    destination_is_silent_and_it_is_killed,
    source_is_silent_and_it_is_killed,
    state_takes_no_files,
    spec_changes_its_mind,
    spec_is_removed,
)


@pytest.mark.parametrize(
    "happens",
    [is_killed, *(pytest.param(thing, marks=pytest.mark.soak) for thing in THINGS)],
    ids=lambda happens: happens.__name__,
)
@pytest.mark.parametrize("method", METHODS)
def test_at_every_moment(method: str, happens: Happens) -> None:
    records = at_every_moment(method, happens)
    assert Outcome.SUCCEEDED in {record.outcome for record in records}, "at least the last moment is after its end"


@pytest.mark.parametrize(
    ("method", "happens"),
    [
        ("live", is_killed),
        *(pytest.param(method, is_killed, marks=pytest.mark.soak) for method in DRIVEN if method != "live"),
        *(pytest.param(method, is_stopped, marks=pytest.mark.soak) for method in DRIVEN),
    ],
)
def test_at_every_moment_of_one_that_the_daemon_drives(method: str, happens: Happens) -> None:
    records = at_every_moment(method, happens, prepare=bar_libvirtds)
    assert {record.driven_by for record in records if record.outcome is Outcome.SUCCEEDED} == {Driver.DAEMON}


def bar_libvirtds(world: World) -> None:
    """No libvirtd logs in at another, and the daemon knows it."""
    for host in HOSTS:
        world.house.at(host).within.unreached |= dict.fromkeys(HOSTS, "Permission denied")
    world.daemon.look()
    world.daemon.view.facts(SOURCE, patiently=True)


def nothing(world: World) -> None:
    """As it is."""


def at_every_moment(method: str, happens: Happens, prepare: Happens = nothing) -> list[MigrationRecord]:
    """Let it happen at each moment of a move, in a world of its own; all records."""
    records = []
    for moment in count():
        with _world() as world:
            prepare(world)
            world.wish(VM, Wish(host=DESTINATION, method=method))
            world.look()
            world.guest_writes(VM)
            over = not goes_on(world, moment)
            world.guest_writes(VM)
            world.check()
            happens(world)
            world.check()
            world.comes_to_rest()
            records += world.records()
            if over:
                break
    return records


def goes_on(world: World, turns: int) -> bool:
    """So many turns, checked after each; whether a move is still under way."""
    for _ in range(turns):
        if not world.baton.tasks:
            return False
        world.baton.round()
        world.check()
    world.look()
    return bool(world.baton.tasks)


@contextmanager
def _world() -> Iterator[World]:
    memory = Path("/dev/shm")  # on a disk, fsync would take most of the time
    with TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        world = World(Path(folder))
        try:
            yield world
        finally:
            world.close()
