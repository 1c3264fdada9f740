"""The probe against outages of known length, between two network namespaces of the test's own. Needs root."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from netns import Namespace, pipe

from ferryman.downtime.measuring import measure
from ferryman.downtime.prober import Probe
from ferryman.downtime.values import Measurement, MeasurementStatus, ProbeFate, ProbeTarget

ADDRESS = "198.51.100.2"
PORT = 22
INTERVAL_MS = 10.0
BASELINE = 20
SOON_S = 10.0
WORST_ABOVE_TRUTH_MS = 22 + INTERVAL_MS
RULES = """
add table inet cut
add chain inet cut arriving { type filter hook input priority 0; policy accept; }
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueOutage:
    """How long packets were dropped, as exactly as the commands that did it can tell."""

    at_least_ms: float
    at_most_ms: float


class Cut:
    """Drops every packet that arrives in a namespace; one nft process, so that it takes a millisecond."""

    def __init__(self, namespace: Namespace) -> None:
        self._nft = subprocess.Popen(
            namespace.command("nft", "--interactive"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        )
        self._tell(RULES)

    def drop(self, for_ms: float) -> TrueOutage:
        cutting, cut = self._policy("drop")
        threading.Event().wait(for_ms / 1000)
        healing, healed = self._policy("accept")
        return TrueOutage(at_least_ms=(healing - cut) * 1000, at_most_ms=(healed - cutting) * 1000)

    def close(self) -> None:
        self._nft.communicate()

    def _policy(self, policy: str) -> tuple[float, float]:
        began = time.monotonic()
        self._tell(f"chain inet cut arriving {{ policy {policy}; }}\n")
        return began, time.monotonic()

    def _tell(self, commands: str) -> None:
        """Returns once nft is done: it answers a question that comes after."""
        pipe(self._nft.stdin).write(f"{commands}list tables\n".encode())
        while not pipe(self._nft.stdout).readline().startswith(b"table inet cut"):
            pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """A client and a server with nothing between them."""

    client: Namespace
    listener: socket.socket
    cut: Cut

    def probe(self) -> Probe:
        with self.client.entered():
            return Probe.start(ProbeTarget(address=ADDRESS, port=PORT, interval_ms=INTERVAL_MS))


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    client, server = Namespace(), Namespace()
    client.run("ip", "link", "add", "wire", "type", "veth", "peer", "name", "wire", "netns", str(server.pid))
    for namespace, address in ((client, "198.51.100.1"), (server, ADDRESS)):
        namespace.run("ip", "address", "add", f"{address}/24", "dev", "wire")
        namespace.run("ip", "link", "set", "wire", "up")
    cut = Cut(server)
    with server.entered():
        listener = socket.create_server((ADDRESS, PORT))
    with listener:
        yield Wire(client=client, listener=listener, cut=cut)
    cut.close()
    client.close()
    server.close()


def measure_cut(wire: Wire, length_ms: float, phase_ms: float) -> tuple[Measurement, TrueOutage]:
    with wire.probe() as probe:
        assert probe.wait_answering(consecutive=BASELINE, timeout_s=SOON_S)
        begun_ns = time.monotonic_ns()
        # Cut at another place between two probes each time.
        threading.Event().wait(phase_ms / 1000)
        truth = wire.cut.drop(length_ms)
        assert probe.wait_answering(consecutive=BASELINE, timeout_s=SOON_S)
        ended_ns = time.monotonic_ns()
        samples = probe.stop()
    return (
        measure(samples, target=probe.target, baseline_until_ns=begun_ns, ended_ns=ended_ns, failure=probe.failure),
        truth,
    )


@pytest.mark.parametrize("phase_ms", [0, 2.5, 5, 7.5])
@pytest.mark.parametrize("length_ms", [50, 100, 300, 1000])
def test_a_known_outage_lies_within_the_bounds_and_they_are_tight(
    wire: Wire, length_ms: float, phase_ms: float
) -> None:
    found, truth = measure_cut(wire, length_ms, phase_ms)

    assert found.status is MeasurementStatus.MEASURED
    assert found.downtime_lower_ms is not None
    assert found.downtime_upper_ms is not None
    assert found.downtime_lower_ms <= truth.at_most_ms
    assert truth.at_least_ms <= found.downtime_upper_ms
    assert found.downtime_upper_ms - truth.at_least_ms <= WORST_ABOVE_TRUTH_MS


def test_the_service_sees_none_of_the_probes(wire: Wire) -> None:
    with wire.probe() as probe:
        assert probe.wait_answering(consecutive=60, timeout_s=SOON_S)
        samples = probe.stop()

    wire.listener.setblocking(False)
    with pytest.raises(BlockingIOError):
        wire.listener.accept()
    assert {sample.outcome for sample in samples} == {ProbeFate.ANSWERED}
