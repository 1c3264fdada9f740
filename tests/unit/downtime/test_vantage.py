"""Where probes leave from, and the one full connection after them."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest
from far_machine import FarMachine

from ferryman.downtime.vantage import Here, There, vantage_of


@pytest.fixture
def machine() -> Iterator[FarMachine]:
    machine = FarMachine()
    yield machine
    machine.close()


def test_no_host_is_this_machine() -> None:
    assert isinstance(vantage_of(None), Here)


def test_the_service_is_seen_from_there(machine: FarMachine) -> None:
    there = There("oslo", machine.connect)
    with socket.create_server(("127.0.0.1", 0)) as service:
        port = service.getsockname()[1]
        accepting = threading.Thread(target=lambda: service.accept()[0].close())
        accepting.start()
        assert there.check("127.0.0.1", port).working
        accepting.join()
    refused = there.check("127.0.0.1", port)
    assert not refused.working
    assert f"127.0.0.1 port {port}: oslo: its python3 failed" in refused.reason


def test_from_a_host_that_is_not_reached_nothing_is_seen(machine: FarMachine) -> None:
    machine.refusals = 1
    seen = There("oslo", machine.connect).check("127.0.0.1", 1)
    assert not seen.working
    assert "Check that the host is up" in seen.reason
