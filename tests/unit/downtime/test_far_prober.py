"""Probing from another machine: in its own Python, timed by our clock, through connections that break."""

from __future__ import annotations

import ast
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from far_machine import FarMachine
from loopback import Service

from ferryman.downtime import probe_process
from ferryman.downtime.far_prober import FarProber
from ferryman.downtime.prober import Probe
from ferryman.downtime.shared_prober import SharedProber
from ferryman.downtime.values import ProbeFate, ProbeTarget
from ferryman.fleet.ssh.far_python import FIRST_STEPS

OLDEST_PYTHON = (3, 6)


@pytest.fixture
def machine() -> Iterator[FarMachine]:
    machine = FarMachine()
    yield machine
    machine.close()


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()
    yield service
    service.listener.close()


def probing(machine: FarMachine, service: Service) -> tuple[Probe, FarProber]:
    far = FarProber(machine.connect)
    target = ProbeTarget(address=service.address, port=service.port, interval_ms=5)
    return Probe.start(target, SharedProber(far.launch)), far


def test_both_texts_are_python_of_any_host() -> None:
    for source in (FIRST_STEPS, Path(probe_process.__file__).read_text()):
        assert ast.parse(source, feature_version=OLDEST_PYTHON)


def test_samples_are_in_our_time(machine: FarMachine, service: Service) -> None:
    began_ns = time.monotonic_ns()
    probe, far = probing(machine, service)
    assert probe.wait_answering(consecutive=20, timeout_s=10)
    samples = probe.stop()
    assert {sample.outcome for sample in samples} == {ProbeFate.ANSWERED}
    assert began_ns < samples[0].sent_ns < samples[-1].sent_ns < time.monotonic_ns()
    assert far.clock_error_ms is not None
    assert 0 < far.clock_error_ms < 50
    assert service.accepted() == 0


def test_a_way_that_breaks_leaves_a_hole_and_the_probing_goes_on(machine: FarMachine, service: Service) -> None:
    probe, far = probing(machine, service)
    assert probe.wait_answering(consecutive=20, timeout_s=10)
    machine.refusals = 1
    machine.cut()
    assert probe.wait_answering(consecutive=20, timeout_s=10)
    samples = probe.stop()
    assert (probe.failure, far.trouble, len(machine.programs)) == (None, "", 3)
    assert max(later.sent_ns - sample.sent_ns for sample, later in pairwise(samples)) > 900_000_000
    assert {sample.outcome for sample in samples} == {ProbeFate.ANSWERED}


def test_a_host_that_cannot_be_reached_at_first_fails_at_once_with_the_remedy(
    machine: FarMachine, service: Service
) -> None:
    machine.refusals = 1
    probe, far = probing(machine, service)
    assert not probe.wait_answering(consecutive=1, timeout_s=10)
    assert probe.stop() == ()
    assert "Check that the host is up" in far.trouble
    assert far.clock_error_ms is None
