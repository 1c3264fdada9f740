"""What the daemon tells systemd, received by a real datagram socket."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from ferryman.service import ServiceManager


@pytest.fixture(params=["path", "abstract"])
def manager_socket(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    """systemd's end of the socket, and the value of NOTIFY_SOCKET that names it."""
    configured = str(tmp_path / "notify") if request.param == "path" else f"@ferryman-test-{tmp_path}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind("\0" + configured[1:] if configured.startswith("@") else configured)
        listening.settimeout(5)
        yield configured, listening


def test_each_message_arrives_in_the_words_of_sd_notify(manager_socket: tuple[str, socket.socket]) -> None:
    configured, listening = manager_socket
    manager = ServiceManager({"NOTIFY_SOCKET": configured})

    manager.ready("watching 2 hosts")
    manager.status("moving guest-01")
    manager.alive()
    manager.stopping()

    assert [listening.recv(4096) for _ in range(4)] == [
        b"READY=1\nSTATUS=watching 2 hosts",
        b"STATUS=moving guest-01",
        b"WATCHDOG=1",
        b"STOPPING=1",
    ]


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("two\nlines", b"STATUS=two lines"),
        ("sly\nREADY=1\r\nMAINPID=1", b"STATUS=sly READY=1 MAINPID=1"),
        ("a\0nul", b"STATUS=a nul"),
        ("half a character: \ud800", b"STATUS=half a character: ?"),
        ("", b"STATUS="),
    ],
)
def test_a_status_is_one_line_whatever_it_holds(
    manager_socket: tuple[str, socket.socket], text: str, sent: bytes
) -> None:
    configured, listening = manager_socket

    ServiceManager({"NOTIFY_SOCKET": configured}).status(text)

    assert listening.recv(4096) == sent


def test_a_long_status_still_fits_what_systemd_reads(manager_socket: tuple[str, socket.socket]) -> None:
    configured, listening = manager_socket

    ServiceManager({"NOTIFY_SOCKET": configured}).ready("\N{FERRY}\N{VARIATION SELECTOR-16}" * 5000)

    assert len(listening.recv(65536)) < 4096


@pytest.mark.parametrize("configured", ["", "vsock:2:1234", "relative/path"])
def test_without_a_socket_of_a_known_kind_nothing_is_sent(configured: str) -> None:
    manager = ServiceManager({"NOTIFY_SOCKET": configured} if configured else {})

    manager.ready("up")
    manager.status("still up")
    manager.alive()
    manager.stopping()

    assert manager.watchdog_interval_s is None


def test_a_manager_that_is_gone_disturbs_nobody(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    ServiceManager({"NOTIFY_SOCKET": str(gone)}).alive()
    assert not gone.exists()


def test_a_manager_that_does_not_read_holds_nobody_up_for_long(manager_socket: tuple[str, socket.socket]) -> None:
    configured, listening = manager_socket
    manager = ServiceManager({"NOTIFY_SOCKET": configured})
    _fill_queue(listening)

    began = time.monotonic()
    manager.alive()

    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("environment", "interval_s"),
    [
        ({"WATCHDOG_USEC": "60000000"}, 30.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(os.getpid())}, 30.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(os.getppid())}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_fed_at_half_its_time_and_only_by_the_process_it_watches(
    environment: dict[str, str], interval_s: float | None
) -> None:
    assert ServiceManager(environment).watchdog_interval_s == interval_s


def _fill_queue(listening: socket.socket) -> None:
    """Send until the receiver's queue takes no more."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender, suppress(BlockingIOError):
        sender.setblocking(False)
        while True:
            sender.sendto(b"WATCHDOG=1", listening.getsockname())
