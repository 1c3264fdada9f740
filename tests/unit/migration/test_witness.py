"""The probe beside a move, on the loopback interface; real time, because the prober is a process of its own."""

from __future__ import annotations

import socket
from dataclasses import replace

from stand import Stand

from ferryman.downtime.values import MeasurementStatus
from ferryman.fleet.values import Power
from ferryman.migration.attempt import carry_out
from ferryman.migration.clock import SystemClock
from ferryman.records.samples import ProbedMove
from ferryman.records.values import Outcome, Verdict
from ferryman.specs.models import Method, ProbeSpec


def test_every_probe_is_handed_on_with_the_attempts_start(stand: Stand) -> None:
    kept: list[ProbedMove] = []
    with socket.create_server(("127.0.0.1", 0), backlog=128) as service:
        probe = ProbeSpec(address="127.0.0.1", port=service.getsockname()[1], interval_ms=5)
        services = replace(stand.services(), clock=SystemClock(), keep_samples=kept.append)
        record = carry_out(stand.order(Method.LIVE, probe=probe, settle_ms=50), services)
    assert record is not None
    assert [move.id for move in kept] == [record.id]
    # Those that were still in flight when the measured time ended are known by now.
    assert len(kept[0].samples) >= record.measurement.samples > 0
    assert kept[0].samples[0].sent_ns <= kept[0].started_ns + 1_000_000_000
    assert kept[0].in_time_ms == record.measurement.in_time_ms


def test_a_service_that_answers_throughout_is_measured_to_have_been_up(stand: Stand) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=128) as service:
        service.setblocking(False)
        probe = ProbeSpec(address="127.0.0.1", port=service.getsockname()[1], interval_ms=5)
        services = replace(stand.services(), clock=SystemClock())
        record = carry_out(stand.order(Method.LIVE, probe=probe, settle_ms=50), services)
    assert record is not None
    assert record.outcome is Outcome.SUCCEEDED
    assert record.measurement.status is MeasurementStatus.MEASURED, record.measurement.reason
    assert record.measurement.address == "127.0.0.1"
    assert record.measurement.baseline_samples >= 10
    assert record.network_and_service_ms is not None


def test_without_an_address_it_is_unmeasured_and_the_remedy_is_told(stand: Stand) -> None:
    record = carry_out(stand.order(Method.LIVE), stand.services())
    assert record is not None
    assert (record.measurement.status, record.measurement.downtime_ms) == (MeasurementStatus.UNMEASURED, None)
    assert "[probe] address" in record.measurement.reason
    assert record.verdict is Verdict.NONE


def test_a_vm_that_is_off_is_not_probed(stand: Stand) -> None:
    stand.source.domains.known["guest-01"].power = Power.SHUT_OFF
    record = carry_out(stand.order(Method.COLD, probe=ProbeSpec(address="127.0.0.1")), stand.services())
    assert record is not None
    assert "shut off" in record.measurement.reason
