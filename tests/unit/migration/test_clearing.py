"""`[storage] source_disks = "delete"`: the source's copies go last, and only where nothing speaks against it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import pytest
from stand import VM, Stand

from ferryman.downtime.measuring import unmeasured
from ferryman.downtime.values import Measurement, MeasurementStatus
from ferryman.fleet.fake.faults import Operation
from ferryman.fleet.fake.hosts import vm_xml
from ferryman.migration.attempt import carry_out
from ferryman.migration.clock import SystemClock
from ferryman.migration.disks.clearing import Cleared, clear_source
from ferryman.migration.host_pair import HostPair
from ferryman.migration.intent import Intent
from ferryman.migration.logbook import Logbook
from ferryman.migration.move import Move
from ferryman.migration.order import Order
from ferryman.records.audit.record import MigrationRecord
from ferryman.records.journal.entry import JournalEntry, Step
from ferryman.specs.choices import Method, SourceDisks
from ferryman.specs.vm_spec import ProbeSpec, StorageSpec

IMAGE = f"{VM}.img"
ANSWERED = Measurement(status=MeasurementStatus.MEASURED, downtime_ms=31.0)


@pytest.fixture
def moved(stand: Stand) -> Order:
    """The VM is at the destination; its old disk is still at the source."""
    order = stand.order(Method.LIVE)
    assert carry_out(order, stand.services()) is not None
    return order


def cleared(stand: Stand, order: Order, measurement: Measurement = ANSWERED) -> Cleared:
    entry = JournalEntry(
        id=order.id,
        vm=VM,
        uuid=order.plan.uuid,
        source="tallinn",
        destination="skopje",
        method=Method.LIVE,
        running=True,
        step=Step.FINISHING,
        why="",
        cause=order.cause,
        attempt=1,
        started_at=stand.clock.now(),
    )
    move = Move(
        intent=Intent(entry=entry, journal=stand.journal),
        logbook=Logbook(clock=stand.clock, tell=lambda *_: None, started_ns=0),
        ends=HostPair(source=stand.source, destination=stand.destination),
        clock=stand.clock,
        stop=stand.stop,
    )
    return clear_source(move, order.plan, measurement)


def at_the_source(stand: Stand) -> set[str]:
    return set(stand.source.pools["vms"].volumes)


def test_the_volume_is_deleted_and_named(stand: Stand, moved: Order) -> None:
    done = cleared(stand, moved)
    assert [(at.host, at.pool, at.name) for at in done.deleted] == [("tallinn", "vms", IMAGE)]
    assert (at_the_source(stand), stand.volumes_at_destination()) == (set(), {IMAGE})
    assert done.warnings == ()


@pytest.mark.parametrize(
    "measurement",
    [
        unmeasured(None, "no address"),
        Measurement(status=MeasurementStatus.NOT_BACK, downtime_lower_ms=30_000.0),
        Measurement(status=MeasurementStatus.MEASURED, downtime_ms=31.0, reason="no banner"),
    ],
)
def test_a_guest_that_nobody_saw_answer_keeps_its_old_disk(
    stand: Stand, moved: Order, measurement: Measurement
) -> None:
    done = cleared(stand, moved, measurement)
    assert done == Cleared(warnings=("vda: nobody saw the guest answer at skopje; it stays until `ferryman gc`",))
    assert at_the_source(stand) == {IMAGE}


def test_storage_that_came_to_be_shared_is_not_touched(stand: Stand, moved: Order) -> None:
    stand.source.pools["vms"] = stand.destination.pools["vms"]
    done = cleared(stand, moved)
    assert done.deleted == ()
    assert "tallinn and skopje may share the storage of vms" in done.warnings[0]
    assert stand.volumes_at_destination() == {IMAGE}


def test_a_volume_that_another_vm_uses_stays(stand: Stand, moved: Order) -> None:
    path = moved.plan.disks[0].source.path
    stand.source.definitions.define(vm_xml("guest-02", disk_path=path), autostart=False)
    assert "guest-02 at tallinn uses" in cleared(stand, moved).warnings[0]
    assert at_the_source(stand) == {IMAGE}


@pytest.mark.parametrize("operation", [Operation.DELETE, Operation.CREATE, Operation.FIND, Operation.DISK_PATHS])
def test_what_the_source_refuses_is_a_warning(stand: Stand, moved: Order, operation: Operation) -> None:
    stand.source.faults.fail_next(operation)
    done = cleared(stand, moved)
    assert done.deleted == ()
    assert done.warnings[0].startswith("vda: tallinn: ")
    assert IMAGE in at_the_source(stand)


@pytest.fixture
def service() -> Iterator[ProbeSpec]:
    """Something that answers on the loopback interface and names itself, as sshd does."""

    def answer() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return  # the test is over
            with connection, suppress(OSError):
                connection.sendall(b"SSH-2.0-test\r\n")

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield ProbeSpec(address="127.0.0.1", port=server.getsockname()[1], interval_ms=5)
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def carried_out(stand: Stand, source_disks: SourceDisks, probe: ProbeSpec | None = None) -> MigrationRecord:
    order = stand.order(Method.LIVE, probe=probe)
    spec = order.spec.model_copy(update={"storage": StorageSpec(source_disks=source_disks)})
    # The prober is a process of its own, with the machine's clock.
    services = replace(stand.services(), clock=SystemClock())
    record = carry_out(replace(order, spec=spec), services)
    assert record is not None
    return record


def test_a_move_deletes_them_where_its_spec_says_so(stand: Stand, service: ProbeSpec) -> None:
    record = carried_out(stand, SourceDisks.DELETE, service)
    assert record.measurement.status is MeasurementStatus.MEASURED
    deleted, left = record.deleted_at_source, record.left_behind
    assert ([at.name for at in deleted], left, record.warnings) == ([IMAGE], (), ())
    assert at_the_source(stand) == set()


def test_a_move_keeps_them_otherwise(stand: Stand, service: ProbeSpec) -> None:
    record = carried_out(stand, SourceDisks.KEEP, service)
    assert ([at.name for at in record.left_behind], record.deleted_at_source) == ([IMAGE], ())
    assert at_the_source(stand) == {IMAGE}


def test_a_move_that_nobody_measured_leaves_them_and_says_why(stand: Stand) -> None:
    record = carried_out(stand, SourceDisks.DELETE)
    assert [at.name for at in record.left_behind] == [IMAGE]
    assert "nobody saw the guest answer" in record.warnings[0]
