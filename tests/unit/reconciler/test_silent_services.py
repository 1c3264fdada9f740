"""A VM whose service stayed silent after its move is not called ready before somebody answers there."""

from __future__ import annotations

from dataclasses import replace

import pytest
from house import NOON, House

from ferryman.downtime.values import Measurement, MeasurementStatus
from ferryman.planning.plans import Cause
from ferryman.records.audit.record import CauseRecord, MigrationRecord, Outcome, Verdict
from ferryman.records.state.conditions import ConditionReason
from ferryman.records.state.states import Condition, ConditionType, LastMigration
from ferryman.records.store import StateStore
from ferryman.specs.choices import Method

VM = "guest-01"
ADDRESS = "10.77.0.101"


def not_back() -> MigrationRecord:
    return MigrationRecord(
        id="20261123T120000Z-guest-01-3f2a",
        vm=VM,
        uuid="6b9a7c1e-0000-4000-8000-000000000001",
        source="skopje",
        destination="tallinn",
        method=Method.LIVE,
        why="its spec wants it there",
        cause=CauseRecord(kind=Cause.SPEC, revision="3f2a0c1d" * 5),
        attempt=1,
        started_at=NOON,
        finished_at=NOON,
        outcome=Outcome.SUCCEEDED,
        total_ms=1800.0,
        verdict=Verdict.UNKNOWN,
        measurement=Measurement(
            status=MeasurementStatus.NOT_BACK, downtime_lower_ms=30_000.0, address=ADDRESS, port=22
        ),
        probed_from="oslo",
    )


@pytest.fixture
def silent(house: House) -> House:
    """An earlier daemon left the VM where its spec wants it, running and silent."""
    house.settled_vm(VM, "tallinn")
    earlier = house.start()
    earlier.look()
    earlier.close()
    house.daemons.remove(earlier)
    record = not_back()
    last = LastMigration(
        id=record.id, source="skopje", destination="tallinn", method=Method.LIVE, outcome=Outcome.SUCCEEDED
    )
    said = Condition(
        type=ConditionType.STALLED, reason=ConditionReason.SERVICE_SILENT, message="It is silent.", since=NOON
    )
    with StateStore.open(house.state) as store:
        store.write_record(record)
        store.write_vm(replace(house.states()[VM], conditions=(said,), last_migration=last))
    return house


def test_it_is_stalled_with_a_remedy_while_nobody_answers(silent: House) -> None:
    silent.start().look()
    said = silent.said(VM)
    assert (said.type, said.reason) == (ConditionType.STALLED, ConditionReason.SERVICE_SILENT)
    assert f"{ADDRESS} port 22" in said.message
    assert "virsh console" in said.remedy


def test_it_is_ready_as_soon_as_its_service_answers(silent: House) -> None:
    silent.answering.add(ADDRESS)
    daemon = silent.start()
    daemon.look()
    daemon.until_woken()
    daemon.look()
    assert silent.said(VM).type is ConditionType.READY


def test_it_is_listened_for_from_where_it_was_probed(silent: House) -> None:
    silent.answering.add(ADDRESS)
    daemon = silent.start()
    daemon.look()
    daemon.until_woken()
    assert set(silent.probed_from) == {"oslo"}


def test_a_move_is_probed_from_the_host_that_its_spec_names(house: House) -> None:
    house.settled_vm(VM, "tallinn")
    daemon = house.start()
    daemon.look()
    house.vm(VM, "skopje", '[probe]\nfrom = "oslo"\n')
    daemon.until_quiet()
    assert house.fleet.running(VM) == ("skopje",)
    assert house.probed_from == ["oslo"]


def test_nothing_is_said_of_the_service_of_one_that_was_shut_off(silent: House) -> None:
    silent.at("tallinn").domains.power_off(VM)
    silent.start().look()
    assert silent.said(VM).type is ConditionType.READY


def test_its_next_move_begins_from_nothing(silent: House) -> None:
    daemon = silent.start()
    daemon.look()
    silent.vm(VM, "oslo")
    daemon.until_quiet()
    assert silent.said(VM).type is ConditionType.READY
    assert silent.fleet.running(VM) == ("oslo",)
