"""A restarted daemon probes on: what nobody saw meanwhile widens the bounds, and is never taken for no downtime."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from stand import VM, Stand

from ferryman.downtime.values import MeasurementStatus
from ferryman.downtime.vantage import Here
from ferryman.fleet.fake.domain import parsed
from ferryman.fleet.fake.faults import Operation
from ferryman.fleet.values import Power
from ferryman.migration.attempt import Services, carry_out, take_up
from ferryman.migration.clock import SystemClock
from ferryman.records.audit.head import Outcome, Verdict
from ferryman.records.audit.record import MigrationRecord
from ferryman.records.audit.samples import ProbedMove
from ferryman.records.audit.timeline import Mark
from ferryman.records.journal.entry import AnsweredProbe, JournalEntry, Step, Watched
from ferryman.specs.choices import Method
from ferryman.specs.vm_spec import ProbeSpec

GAP_NS = 700_000_000
"""How long nobody probed."""
TRIP_NS = 300_000_000
"""Patient: the machine that runs the tests may be busy."""


class Patient(Here):
    """A machine that may be busy."""

    baseline_s = 10.0


@pytest.fixture
def service() -> Iterator[socket.socket]:
    """What the guest answers on."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listening:
        yield listening


def services(stand: Stand) -> Services:
    return replace(stand.services(), clock=SystemClock(), vantage=lambda _host: Patient())


def left_open(stand: Stand, service: socket.socket, **watched: object) -> JournalEntry:
    """A live move whose guest has arrived; its daemon was killed when it had just begun, `GAP_NS` ago."""
    entry = stand.left_open(Method.LIVE, Step.TRANSFERRING)
    there = parsed(stand.source.domains.known[VM].xml)
    there.power = Power.RUNNING
    stand.destination.domains.known[VM] = there
    stand.source.domains.known[VM].power = Power.SHUT_OFF
    killed_ns = time.monotonic_ns() - GAP_NS
    before = Watched(
        address="127.0.0.1",
        port=service.getsockname()[1],
        interval_ms=5,
        settle_ms=50,
        announce=True,
        started_ns=killed_ns - 2_000_000_000,
        answers=tuple(
            AnsweredProbe(sent_ns=killed_ns - (10 - at) * 5_000_000, round_trip_ns=TRIP_NS) for at in range(11)
        ),
    )
    entry = replace(
        entry,
        started_at=datetime.now(UTC) - timedelta(microseconds=(time.monotonic_ns() - before.started_ns) / 1000),
        max_downtime_ms=500,
        watched=replace(before, **watched),
    )
    stand.journal.write(entry)
    return stand.journal.entries()[0]


def taken_up(entry: JournalEntry, parts: Services) -> MigrationRecord:
    record = take_up(entry, parts)
    assert record is not None
    assert (record.outcome, record.recovered) == (Outcome.SUCCEEDED, True)
    return record


def test_the_gap_widens_the_bounds_and_is_never_no_downtime(stand: Stand, service: socket.socket) -> None:
    kept: list[ProbedMove] = []
    record = taken_up(left_open(stand, service), replace(services(stand), keep_samples=kept.append))
    measured = record.measurement
    assert measured.status is MeasurementStatus.MEASURED, measured.reason
    assert measured.downtime_lower_ms is not None
    assert measured.downtime_upper_ms is not None
    assert measured.downtime_lower_ms < GAP_NS / 1e6 <= measured.downtime_upper_ms
    assert measured.downtime_ms
    assert "nobody probed for" in measured.reason
    assert record.verdict is Verdict.UNKNOWN
    assert record.attribution is not None
    assert record.attribution.unknown_ms == pytest.approx(measured.downtime_ms)
    assert record.attribution.unknown_because
    # From the true beginning, not from the restart.
    assert record.total_ms > 2000 + GAP_NS / 1e6
    assert kept[0].samples[0].sent_ns < time.monotonic_ns() - GAP_NS


def test_a_guest_that_arrived_meanwhile_and_is_silent_is_announced(stand: Stand) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as service, socket.socket() as filler:
        filler.connect(service.getsockname())
        stand.destination.faults.before_next(Operation.ANNOUNCE, lambda: service.accept()[0].close())
        record = taken_up(left_open(stand, service), services(stand))
    assert record.announcements == 1
    assert Mark.ANNOUNCED in [entry.mark for entry in record.timeline]
    assert record.measurement.status is MeasurementStatus.MEASURED, record.measurement.reason
    assert (record.measurement.outages, (record.measurement.downtime_lower_ms or 0) > 0) == (1, True)


@pytest.mark.parametrize(
    ("watched", "why"),
    [
        ({"started_ns": 2**62}, "its machine was restarted meanwhile"),
        ({"started_ns": -(2**62)}, "its machine was restarted meanwhile"),
        ({"prober": "oslo"}, "oslo, which probed, is in the specs no more"),
    ],
)
def test_where_nothing_can_be_said_it_is_unmeasured(
    stand: Stand, service: socket.socket, watched: dict[str, object], why: str
) -> None:
    record = taken_up(left_open(stand, service, **watched), services(stand))
    assert record.measurement.status is MeasurementStatus.UNMEASURED
    assert why in record.measurement.reason
    assert record.measurement.downtime_ms is None


def test_how_it_is_probed_is_written_down_before_the_guest_is_touched(stand: Stand, service: socket.socket) -> None:
    written: list[JournalEntry] = []
    stand.source.faults.before_next(Operation.MIGRATE, lambda: written.extend(stand.journal.entries()))
    probe = ProbeSpec(address="127.0.0.1", port=service.getsockname()[1], interval_ms=5)
    assert carry_out(stand.order(Method.LIVE, probe=probe, settle_ms=50), services(stand)) is not None
    watched = written[0].watched
    assert watched is not None
    assert (watched.address, watched.interval_ms, watched.settle_ms, watched.announce) == ("127.0.0.1", 5, 50, True)
    assert len(watched.answers) == 10
    assert watched.started_ns < watched.answers[0].sent_ns + 1_000_000_000
