"""The probe beside a move, on the loopback interface; real time, because the prober is a process of its own."""

from __future__ import annotations

import socket
from dataclasses import replace

import pytest
from stand import VM, Stand

from ferryman.downtime.values import MeasurementStatus
from ferryman.downtime.vantage import Here, Vantage
from ferryman.fleet.fake.faults import Operation
from ferryman.fleet.values import Power
from ferryman.migration.attempt import carry_out
from ferryman.migration.clock import SystemClock
from ferryman.migration.witness import Witness
from ferryman.records.audit.record import MigrationRecord, Outcome, Verdict
from ferryman.records.audit.samples import ProbedMove
from ferryman.records.audit.timeline import Mark
from ferryman.specs.choices import Method
from ferryman.specs.host_spec import HostSpec
from ferryman.specs.vm_spec import ProbeSpec


class Patient(Here):
    """A machine that may be busy."""

    baseline_s = 10.0


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
        services = replace(stand.services(), clock=SystemClock(), vantage=lambda _host: Patient())
        record = carry_out(stand.order(Method.LIVE, probe=probe, settle_ms=50), services)
    assert record is not None
    assert record.outcome is Outcome.SUCCEEDED
    assert record.measurement.status is MeasurementStatus.MEASURED, record.measurement.reason
    assert record.measurement.address == "127.0.0.1"
    assert record.measurement.baseline_samples >= 10
    assert record.network_and_service_ms is not None


def test_a_guest_that_is_silent_where_it_arrived_is_announced_until_it_answers(stand: Stand) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as service:
        address, port = service.getsockname()
        waiting: list[socket.socket] = []
        # A queue that is full drops what comes; emptied, it answers again.
        stand.source.faults.before_next(
            Operation.MIGRATE, lambda: waiting.append(socket.create_connection((address, port)))
        )
        stand.destination.faults.before_next(Operation.ANNOUNCE, lambda: service.accept()[0].close())
        probe = ProbeSpec(address="127.0.0.1", port=port, interval_ms=5)
        services = replace(stand.services(), clock=SystemClock(), vantage=lambda _host: Patient())
        record = carry_out(stand.order(Method.LIVE, probe=probe, settle_ms=50), services)
    waiting.pop().close()
    assert record is not None
    assert record.announcements == stand.destination.domains.known[VM].announced == 1
    marks = [entry.mark for entry in record.timeline if entry.mark is not Mark.PHASE]
    assert marks.index(Mark.SUSPENDED) < marks.index(Mark.RESUMED) < marks.index(Mark.ANNOUNCED)
    assert marks.index(Mark.FIRST_LOST) < marks.index(Mark.ANNOUNCED) < marks.index(Mark.ANSWERED)
    split, measured = record.attribution, record.measurement
    assert split is not None
    assert measured.downtime_ms == pytest.approx(split.guest_ms + split.network_ms + split.service_ms)
    assert split.network_ms > 250


def test_one_that_refuses_is_reached_and_so_needs_no_announcing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    probe = ProbeSpec(address="127.0.0.1", port=port, interval_ms=5)
    with Witness.begin(probe, (), Here(), SystemClock(), running=True) as witness:
        while witness.view().endswith(" 0 lost"):
            witness.baseline()
        assert not witness.hears_nothing_for(0.1)
        assert "0 answered" in witness.view()


class Oslo(Patient):
    """A host that probes, here as this machine, and with a clock that may be 3 ms off; its way breaks when asked."""

    host = "oslo"
    clock_error_ms = 3.0

    def __init__(self, trouble: str = "") -> None:
        self.trouble = trouble


def probed_from(stand: Stand, vantage: Vantage) -> MigrationRecord:
    """The record of a live move, probed from there."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as service:
        service.setblocking(False)
        probe = ProbeSpec(address="127.0.0.1", port=service.getsockname()[1], interval_ms=5)
        services = replace(stand.services(), clock=SystemClock(), vantage=lambda _host: vantage)
        record = carry_out(stand.order(Method.LIVE, probe=probe, settle_ms=50), services)
    assert record is not None
    return record


def test_the_record_says_which_host_probed_and_how_far_its_clock_may_be_off(stand: Stand) -> None:
    record = probed_from(stand, Oslo())
    assert record.measurement.status is MeasurementStatus.MEASURED, record.measurement.reason
    assert (record.probed_from, record.probe_clock_error_ms) == ("oslo", 3.0)


def test_a_prober_that_is_not_heard_at_the_end_measures_nothing_and_says_why(stand: Stand) -> None:
    record = probed_from(stand, Oslo("oslo: the SSH session broke: check the host"))
    assert (record.outcome, record.measurement.status) == (Outcome.SUCCEEDED, MeasurementStatus.UNMEASURED)
    assert "oslo: the SSH session broke: check the host" in record.measurement.reason
    assert record.attribution is None


def test_the_order_names_the_host_that_probes(stand: Stand) -> None:
    asked: list[HostSpec | None] = []

    def vantage(host: HostSpec | None) -> Vantage:
        asked.append(host)
        return Here()

    oslo = HostSpec(name="oslo", uri="qemu+ssh://oslo/system")
    order = replace(stand.order(Method.LIVE), prober=oslo)
    assert carry_out(order, replace(stand.services(), vantage=vantage)) is not None
    assert asked == [oslo]


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


def test_an_outage_while_disks_were_copied_counts_and_the_service_is_waited_for() -> None:
    clock = SystemClock()
    with socket.create_server(("127.0.0.1", 0), backlog=128) as service:
        address = service.getsockname()
        probe = ProbeSpec(address=address[0], port=address[1], interval_ms=5)
        witness = Witness.begin(probe, (), Patient(), clock, running=True)
        witness.baseline()
        began_ns = clock.monotonic_ns()
    with witness:
        assert not witness.hears_nothing_for(0.1)
        with socket.create_server(address, backlog=128):
            back_ns = clock.monotonic_ns()
            told = witness.conclude(began_ns=began_ns, undisturbed_until_ns=back_ns, settle_ms=600, patience_s=10)
            settled_ms = (clock.monotonic_ns() - back_ns) / 1e6

    assert told.measurement.outages == 1
    assert (told.measurement.downtime_ms or 0) > 80
    assert told.outage is not None
    assert settled_ms >= 600
