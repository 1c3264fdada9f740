"""The probe on the guest's own segment: ARP and neighbour discovery must not make a return look late. Needs root."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from netns import Namespace

from ferryman.downtime.measuring import measure
from ferryman.downtime.prober import Probe
from ferryman.downtime.prober_program import LocalProgram
from ferryman.downtime.shared_prober import SharedProber
from ferryman.downtime.values import Kind, Measurement, MeasurementStatus, ProbeTarget

pytestmark = pytest.mark.soak
ADDRESSES = ("198.51.100.2", "fd00::2")
PORT = 22
INTERVAL_MS = 10.0
LATEST_MS = 150.0
"""More than the commands that cut take; the kernel's own repeat would be a second."""
# An entry that nobody confirms is given up within a second, as after half a minute by default.
HASTY = (
    *("base_reachable_time_ms=300", "delay_first_probe_time=0", "ucast_solicit=1"),
    "retrans_time_ms=1000",
)
DARKNESS = """
add table netdev cut
add chain netdev cut arriving { type filter hook ingress device "wire" priority 0; policy drop; }
"""


def with_all_privileges() -> LocalProgram:
    return LocalProgram.launch()


def as_nobody() -> LocalProgram:
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all"]
    return LocalProgram.launch(wrapper=nobody)


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A client and a server on one cable."""

    client: Namespace
    server: Namespace

    def measure(self, address: str, prober: SharedProber, cut: list[str], heal: list[str]) -> tuple[Measurement, float]:
        """Cut for 1.5 s, and measure it; also for how long it was cut at most, in ms."""
        with self.client.entered():
            target = ProbeTarget(address=address, port=PORT, interval_ms=INTERVAL_MS)
            probe = Probe.start(target, prober)
        with probe:
            assert probe.wait_answering(consecutive=20, timeout_s=20)
            cutting_ns = time.monotonic_ns()
            self.server.run(*cut)
            threading.Event().wait(1.5)
            self.server.run(*heal)
            away_ms = (time.monotonic_ns() - cutting_ns) / 1e6
            assert probe.wait_answering(consecutive=20, timeout_s=20)
            ended_ns = time.monotonic_ns()
            samples = probe.stop()
        return measure(samples, target=target, baseline_until_ns=cutting_ns, ended_ns=ended_ns), away_ms


@pytest.fixture(scope="module")
def segment() -> Iterator[Segment]:
    client, server = Namespace(), Namespace()
    client.run("ip", "link", "add", "name", "wire", "type", "veth", "peer", "name", "wire", "netns", str(server.pid))
    server.run("sysctl", "-qw", "net.ipv6.conf.all.keep_addr_on_down=1")
    for namespace, last in ((client, 1), (server, 2)):
        namespace.run("ip", "address", "add", f"198.51.100.{last}/24", "dev", "wire")
        namespace.run("ip", "address", "add", f"fd00::{last}/64", "dev", "wire", "nodad")
        namespace.run("ip", "link", "set", "wire", "up")
    client.run("sysctl", "-qw", *(f"net.{family}.neigh.wire.{one}" for family in ("ipv4", "ipv6") for one in HASTY))
    with server.entered(), socket.create_server(("::", PORT), family=socket.AF_INET6, dualstack_ipv6=True):
        yield Segment(client=client, server=server)
    client.close()
    server.close()


@pytest.mark.parametrize("launch", [with_all_privileges, as_nobody])
@pytest.mark.parametrize("address", ADDRESSES)
def test_a_silent_guest_is_seen_to_return_at_once(segment: Segment, address: str, launch: type[LocalProgram]) -> None:
    darkness = ["nft", DARKNESS], ["nft", "delete", "table", "netdev", "cut"]

    found, away_ms = segment.measure(address, SharedProber(launch), *darkness)

    assert found.status is MeasurementStatus.MEASURED
    assert found.kinds == (Kind.SILENT,)
    assert found.blind == 0
    assert found.downtime_upper_ms is not None
    assert found.downtime_upper_ms <= away_ms + LATEST_MS


PULLED = ["ip", "link", "set", "wire", "down"], ["ip", "link", "set", "wire", "up"]


@pytest.mark.parametrize("address", ADDRESSES)
def test_with_privilege_a_cable_that_was_out_delays_nothing(segment: Segment, address: str) -> None:
    found, away_ms = segment.measure(address, SharedProber(with_all_privileges), *PULLED)

    assert found.downtime_upper_ms is not None
    assert found.downtime_upper_ms <= away_ms + LATEST_MS


@pytest.mark.parametrize("address", ADDRESSES)
def test_without_it_the_bounds_say_that_the_neighbour_table_was_waited_for(segment: Segment, address: str) -> None:
    found, away_ms = segment.measure(address, SharedProber(as_nobody), *PULLED)

    assert found.status is MeasurementStatus.MEASURED
    assert found.blind > 0
    assert found.downtime_lower_ms is not None
    assert found.downtime_upper_ms is not None
    assert found.downtime_lower_ms <= away_ms
    assert found.downtime_upper_ms >= 1500
