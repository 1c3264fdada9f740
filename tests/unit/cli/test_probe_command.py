"""`ferryman probe`: against listeners on this machine's loopback."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest
from written_state import ferryman

from ferryman.cli.probe import address_and_port
from ferryman.cli.probe_display import summary
from ferryman.downtime.survey import RoundTrips, Survey
from ferryman.downtime.values import Kind, OutageFigures, ProbeFate


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """The command handles signals; the tests' own handlers come back."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def port() -> Iterator[int]:
    """One that answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield int(listener.getsockname()[1])


@pytest.fixture
def closed_port() -> int:
    """One that refuses."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.mark.parametrize(
    ("target", "address", "port"),
    [
        ("192.0.2.1", "192.0.2.1", 22),
        ("192.0.2.1:2222", "192.0.2.1", 2222),
        ("guest.example:80", "guest.example", 80),
        ("[2001:db8::1]:22", "2001:db8::1", 22),
        ("[2001:db8::1]", "2001:db8::1", 22),
        ("2001:db8::1", "2001:db8::1", 22),
    ],
)
def test_an_address_with_or_without_a_port(target: str, address: str, port: int) -> None:
    assert address_and_port(target) == (address, port)


@pytest.mark.parametrize("target", ["", "host:", "host:ssh", "[2001:db8::1", "[2001:db8::1]22", "a b"])
def test_anything_else_is_refused_with_what_to_write(target: str) -> None:
    with pytest.raises(click.BadParameter, match=r"write 192\.0\.2\.1:22"):
        address_and_port(target)


def test_a_port_that_answers(port: int) -> None:
    done = ferryman("probe", f"127.0.0.1:{port}", "--interval-ms", "5", "--count", "5")
    assert done.exit_code == 0, done.output
    assert f"probing 127.0.0.1:{port} every 5 ms" in done.output
    assert "5 answered" in done.output
    assert done.output.endswith("no outages\n")


def test_a_port_that_refuses(closed_port: int) -> None:
    done = ferryman("probe", f"127.0.0.1:{closed_port}", "--interval-ms", "5", "--count", "5")
    assert done.exit_code == 1
    assert "refused" in done.output
    assert "nothing ever answered" in done.output


def test_json_is_a_stream_of_objects(port: int) -> None:
    done = ferryman("probe", f"127.0.0.1:{port}", "--count", "3", "--json")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event["event"] for event in events if event["event"] != "state"] == ["start", *["probe"] * 3, "summary"]
    assert events[-1]["outcomes"] == {"answered": 3}
    assert events[-1]["undisturbed"] is True


@pytest.mark.parametrize(
    "arguments",
    [("nowhere.invalid",), ("127.0.0.1:0",), ("127.0.0.1", "--interval-ms", "0"), ("127.0.0.1", "--count", "0")],
)
def test_what_cannot_be_probed_is_a_usage_error(arguments: tuple[str, ...]) -> None:
    assert ferryman("probe", *arguments).exit_code == 2


def test_the_summary_tells_bounds_and_kinds() -> None:
    told = summary(
        Survey(
            lasted_ms=6_000.0,
            sent=600,
            missed=2,
            outcomes={ProbeFate.ANSWERED: 580, ProbeFate.LOST: 20},
            round_trips=RoundTrips(lowest_ms=0.1, median_ms=0.2, p99_ms=0.9, highest_ms=1.5),
            first_answer_ms=0.0,
            outages=(
                OutageFigures(began_ms=1_500.0, lower_ms=90.0, upper_ms=110.5, kinds=(Kind.SILENT, Kind.REFUSED)),
                OutageFigures(began_ms=5_000.0, lower_ms=40.0, kinds=(Kind.SILENT,)),
            ),
        )
    )
    assert told.splitlines() == [
        "600 probes in 6.0 s: 580 answered, 20 lost; 2 slots missed",
        "round trips: lowest 0.10, median 0.20, 99 of 100 within 0.90, highest 1.50 ms",
        "2 outages:",
        "  after 1.500 s: 90.0-110.5 ms (silent, then refused)",
        "  after 5.000 s: at least 40.0 ms, not over (silent)",
    ]


def test_a_reader_that_has_seen_enough_ends_it_without_a_complaint(port: int) -> None:
    command = [sys.executable, "-m", "ferryman.cli", "probe", f"127.0.0.1:{port}", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as probing:
        assert probing.stdout is not None
        assert probing.stderr is not None
        assert json.loads(probing.stdout.readline())["event"] == "start"
        probing.stdout.close()
        assert probing.wait(timeout=20) == 1
        assert probing.stderr.read() == b""


def test_a_link_local_address_without_its_interface_is_refused() -> None:
    done = ferryman("probe", "fe80::1", "--count", "5")
    assert done.exit_code == 2
    assert "fe80::1%INTERFACE" in done.output
