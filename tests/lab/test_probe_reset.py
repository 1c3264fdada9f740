"""A port that answers and takes it back at once is down, and told apart from one that refuses. Needs root."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import resetter
from netns import Namespace, pipe

from ferryman.downtime.measuring import measure
from ferryman.downtime.prober import Probe
from ferryman.downtime.prober_program import LocalProgram
from ferryman.downtime.shared_prober import SharedProber
from ferryman.downtime.values import Kind, MeasurementStatus, ProbeFate, ProbeTarget

ADDRESS, PORT = "198.51.100.2", 22
CORE = str(min(os.sched_getaffinity(0)))
AWAY_S = 0.3


@pytest.fixture
def client() -> Iterator[Namespace]:
    """At one end of a cable."""
    namespace = Namespace()
    yield namespace
    namespace.close()


@pytest.fixture
def told(client: Namespace) -> Iterator[Callable[[str], None]]:
    """What orders the port at the other end."""
    server = Namespace()
    client.run("ip", "link", "add", "name", "wire", "type", "veth", "peer", "name", "wire", "netns", str(server.pid))
    for namespace, last in ((client, 1), (server, 2)):
        namespace.run("ip", "address", "add", f"198.51.100.{last}/24", "dev", "wire")
        namespace.run("ip", "link", "set", "wire", "up")
    server.run(
        "nft",
        f"add table ip own; add chain ip own in {{ type filter hook input priority 0; }}; "
        f"add rule ip own in tcp dport {PORT} drop",
    )
    command = ["taskset", "--cpu-list", CORE, sys.executable, resetter.__file__, ADDRESS, str(PORT)]
    program = subprocess.Popen(server.command(*command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
    assert pipe(program.stdout).readline() == b"ready\n"

    def tell(order: str) -> None:
        pipe(program.stdin).write(f"{order}\n".encode())
        assert pipe(program.stdout).readline() == b"done\n"

    yield tell
    program.communicate()
    server.close()


def test_answered_and_taken_back_at_once_is_an_outage_of_its_own_kind(
    client: Namespace, told: Callable[[str], None]
) -> None:
    prober = SharedProber(lambda: LocalProgram.launch(wrapper=["taskset", "--cpu-list", CORE]))
    with client.entered():
        probe = Probe.start(ProbeTarget(address=ADDRESS, port=PORT, interval_ms=10), prober)
    with probe:
        assert probe.wait_answering(consecutive=20, timeout_s=20)
        cutting_ns = time.monotonic_ns()
        told("reset")
        cut_ns = time.monotonic_ns()
        threading.Event().wait(AWAY_S)
        healing_ns = time.monotonic_ns()
        told("answer")
        healed_ns = time.monotonic_ns()
        assert probe.wait_answering(consecutive=20, timeout_s=20)
        ended_ns = time.monotonic_ns()
        samples = probe.stop()
    found = measure(samples, target=probe.target, baseline_until_ns=cutting_ns, ended_ns=ended_ns)
    assert found.status is MeasurementStatus.MEASURED, found.reason
    assert (found.outages, found.kinds) == (1, (Kind.RESET,))
    assert sum(sample.outcome is ProbeFate.RESET for sample in samples) > AWAY_S * 100 / 2
    assert (found.downtime_lower_ms or 0) <= (healed_ns - cutting_ns) / 1e6
    assert (found.downtime_upper_ms or 0) >= (healing_ns - cut_ns) / 1e6
