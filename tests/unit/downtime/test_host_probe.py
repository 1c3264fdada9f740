"""Pings beside the probe: the host apart from its service. On the loopback interface, where it is permitted."""

import subprocess
import sys
import time

import pytest
from loopback import Service

from ferryman.downtime import ping_process
from ferryman.downtime.host_probe import HostProbe
from ferryman.downtime.prober import Probe
from ferryman.downtime.values import MeasurementStatus, ProbeTarget


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
