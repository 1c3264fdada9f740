"""The watchdog is fed by what goes on, however slowly, and not by a daemon that fails again and again."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from house import House

from ferryman.app import Daemon, Options
from ferryman.fleet.hypervisor import Connect, Hypervisor
from ferryman.records.store import StateStore
from ferryman.service import ServiceManager
from ferryman.specs.host_spec import HostSpec

VMS = ("guest-01", "guest-02", "guest-03")
ALIVE = b"WATCHDOG=1"


@pytest.fixture
def heard(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(20)
        yield listening


@contextmanager
def running(house: House, connect: Connect) -> Iterator[None]:
    service = ServiceManager({"NOTIFY_SOCKET": str(house.folder / "notify"), "WATCHDOG_USEC": "60000000"})
    with StateStore.open(house.state) as store:
        options = Options(specs=house.specs, state=house.state)
        daemon = Daemon(options, store, house.heard, service, connect)
        thread = threading.Thread(target=daemon.run)
        thread.start()
        try:
            yield
        finally:
            daemon.stop()
            thread.join(20)


def told(listening: socket.socket, count: int) -> list[bytes]:
    return [listening.recv(4096) for _ in range(count)]


def test_each_step_of_a_pass_counts(house: House, heard: socket.socket) -> None:
    """A pass that is held up at a host has said so before, and says so again once it goes on."""
    for vm in VMS:
        house.settled_vm(vm, "tallinn")
        house.vm(vm, "skopje", "suspend = false\n")
    reached, go_on = threading.Event(), threading.Event()

    def connect(spec: HostSpec, on_change: Callable[[], None]) -> Hypervisor:
        reached.set()
        assert go_on.wait(20)
        return house.fleet.connect(spec, on_change)

    with running(house, connect):
        assert told(heard, 1)[0].startswith(b"READY=1")
        assert reached.wait(20)
        assert set(told(heard, 2)) == {ALIVE}
        go_on.set()
        found = told(heard, 3 + len(VMS))
        assert found.count(ALIVE) >= len(VMS)


def test_a_daemon_that_fails_in_each_pass_is_not_fed(house: House, heard: socket.socket) -> None:
    house.settled_vm(VMS[0], "tallinn")

    def connect(spec: HostSpec, _on_change: Callable[[], None]) -> Hypervisor:
        raise RuntimeError(f"a bug of ours with {spec.name}")

    with running(house, connect):
        told(heard, 3)
        while not house.heard.troubles:
            pass
        heard.settimeout(2)
        with pytest.raises(TimeoutError):
            told(heard, 5)
