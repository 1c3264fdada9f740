"""Pings beside the probe: the host apart from its service. On the loopback interface, where it is permitted."""

import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from loopback import Service

from ferryman.downtime import ping_process
from ferryman.downtime.host_probe import HostProbe
from ferryman.downtime.prober import Probe
from ferryman.downtime.prober_program import LocalProgram
from ferryman.downtime.shared_prober import SharedProber
from ferryman.downtime.values import MeasurementStatus, ProbeFate, ProbeTarget


def target(service: Service) -> ProbeTarget:
    return ProbeTarget(address=service.address, port=service.port)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_service_that_refuses_on_a_host_that_answers(address: str) -> None:
    with Service(address) as service, Probe.start(target(service)) as probe:
        host = HostProbe.start(probe.target)
        assert probe.wait_answering(consecutive=60, timeout_s=10)
        begun_ns = time.monotonic_ns()
        service.refuse(100)
        assert probe.wait_answering(consecutive=5, timeout_s=10)

        found = host.conclude(baseline_until_ns=begun_ns, ended_ns=time.monotonic_ns())

    # Root may ping; others as net.ipv4.ping_group_range says, and then the figures say how to allow it.
    if found.status is MeasurementStatus.MEASURED:
        assert found.outages == 0
    else:
        assert "ping_group_range" in found.reason


def test_where_it_is_not_permitted_the_figures_say_so_and_what_to_do() -> None:
    ended = subprocess.run(
        [
            *("unshare", "--user", "--net", sys.executable, "-I", "-S", ping_process.__file__),
        ],
        input=b"start 0 127.0.0.1 0 10000000 900000000\n",
        capture_output=True,
        check=False,
    )

    assert ended.returncode == 1
    assert b"ping_group_range" in ended.stderr or b"unshare" in ended.stderr


def test_an_address_that_nothing_leads_to_is_not_answered_and_disturbs_no_other() -> None:
    prober = SharedProber(lambda: LocalProgram.launch(Path(ping_process.__file__)))
    nowhere = ProbeTarget(address="fe80::1%nope", port=1)
    # Nobody may connect to a broadcast address without asking for it.
    unreachable = ProbeTarget(address="255.255.255.255", port=1)
    here = ProbeTarget(address="127.0.0.1", port=1)
    with Probe(nowhere, prober) as failing, Probe(unreachable, prober) as silent, Probe(here, prober) as probe:
        assert probe.wait_answering(consecutive=20, timeout_s=10)
        assert "cannot be probed" in (failing.failure or "")
        assert silent.failure is None
        assert {sample.outcome for sample in silent.stop()} == {ProbeFate.LOST}


def test_a_reply_is_timed_when_it_came_and_not_when_it_was_read() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        channel.setsockopt(socket.SOL_SOCKET, ping_process.SO_TIMESTAMPNS, 1)
        channel.bind(("127.0.0.1", 0))
        begun_ns = time.monotonic_ns()
        channel.sendto(b"reply", channel.getsockname())
        sent_ns = time.monotonic_ns()
        threading.Event().wait(0.2)
        _, words, _, _ = channel.recvmsg(2048, 64)
        came_ns = ping_process.came_ns(words)

    # The two clocks are read one after the other.
    assert begun_ns - 50_000_000 <= came_ns <= sent_ns + 100_000_000
