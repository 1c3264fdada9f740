"""Whether a working service stands behind an answering kernel."""

import socket
import time

import pytest
from loopback import Service, unused_port

from ferryman.downtime.banner import check_service, read_ssh_banner, ssh_identification
from ferryman.downtime.values import ServiceCheck


def test_a_port_that_accepts_works() -> None:
    with Service() as service:
        assert check_service(service.address, service.port).working
        assert service.accepted() == 1


def test_a_port_that_refuses_does_not_and_says_where_to_look() -> None:
    with unused_port() as port:
        found = check_service("127.0.0.1", port, timeout_s=1)

    assert not found.working
    assert "see in the guest" in found.reason


@pytest.mark.parametrize(
    ("received", "line"),
    [
        (b"SSH-2.0-dropbear_2022.83\r\n", "SSH-2.0-dropbear_2022.83"),
        (b"Welcome\r\nSSH-2.0-OpenSSH_9.2\r\n", "SSH-2.0-OpenSSH_9.2"),
        (b"SSH-2.0-Open", None),
        (b"220 mail\r\n", None),
        (b"", None),
    ],
)
def test_the_ssh_identification_is_a_whole_line(received: bytes, line: str | None) -> None:
    assert ssh_identification(received) == line


def banner_of(*pieces: bytes) -> ServiceCheck:
    """Read what a server sends piece by piece before it closes."""
    ours, servers = socket.socketpair()
    with ours:
        with servers:
            for piece in pieces:
                servers.sendall(piece)
        return read_ssh_banner(ours, time.monotonic() + 5)


def test_a_banner_in_pieces_is_read_whole() -> None:
    found = banner_of(b"SSH-2.0-", b"dropbear\r\n")

    assert (found.working, found.banner) == (True, "SSH-2.0-dropbear")


def test_a_service_on_port_22_that_is_no_ssh_does_not_work() -> None:
    found = banner_of(b"hello\r\n" * 1000)

    assert not found.working
    assert "says no SSH-" in found.reason


def test_a_banner_that_never_comes_is_given_up() -> None:
    ours, servers = socket.socketpair()
    with ours, servers, pytest.raises(TimeoutError):
        read_ssh_banner(ours, time.monotonic() + 0.05)
