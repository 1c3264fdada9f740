"""Somebody else moves a VM between ferryman's decision and its first step, or between two of its steps."""

from __future__ import annotations

from stand import NOON, VM, Stand

from ferryman.fleet.fake.accidents import Accidents
from ferryman.fleet.fake.faults import Operation
from ferryman.fleet.ownership import Identity
from ferryman.migration.attempt import carry_out
from ferryman.migration.recording import decided
from ferryman.records.audit.record import Outcome
from ferryman.specs.choices import Method

IMAGE = f"{VM}.img"


def test_before_anything_was_done_the_attempt_fails_and_leaves_nothing(stand: Stand) -> None:
    stand.me = Identity(id="4f2a", by="ann@desk")
    order = stand.order(Method.LIVE)
    assert Accidents(stand.fleet).carried_off(VM, "tallinn", "skopje")
    record = carry_out(order, stand.services())
    assert record is not None
    assert (record.outcome, record.volumes_created) == (Outcome.FAILED, ())
    assert "not at the source any more" in record.reason
    assert (stand.fleet.running(VM), stand.volumes_at_destination()) == (("skopje",), {IMAGE})


def test_once_a_volume_was_made_the_record_of_the_held_attempt_names_it(stand: Stand) -> None:
    order = stand.order(Method.LIVE)

    def vanishes() -> None:
        del stand.source.domains.known[VM]

    stand.destination.faults.before_next(Operation.CREATE, vanishes)
    record = carry_out(order, stand.services())
    assert record is not None
    assert (record.outcome, [at.name for at in record.volumes_created]) == (Outcome.HELD, [IMAGE])
    given_up = decided(record, "20261123T130000Z-guest-01-0001", NOON, "ann gave the move up")
    assert f"vms/{IMAGE} on skopje" in given_up.remedy
