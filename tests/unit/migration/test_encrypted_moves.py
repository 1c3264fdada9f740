"""Moves under TLS from the order to the record, on fake hosts."""

from __future__ import annotations

from dataclasses import replace

import pytest
from stand import VM, Stand

from ferryman.migration.attempt import carry_out
from ferryman.migration.order import Order
from ferryman.records.audit.record import MigrationRecord, Outcome
from ferryman.specs.choices import Method
from ferryman.specs.vm_spec import ColdSpec


def order(stand: Stand, *, encrypted: bool, plain_because: str = "", method: Method = Method.LIVE) -> Order:
    plain = stand.order(method)
    plan = replace(plain.plan, encrypted=encrypted, plain_because=plain_because, tls_name="skopje" if encrypted else "")
    return replace(plain, plan=plan)


def move(stand: Stand, ordered: Order) -> MigrationRecord:
    record = carry_out(ordered, stand.services())
    assert record is not None
    return record


def test_the_record_says_that_it_was_encrypted(stand: Stand) -> None:
    record = move(stand, order(stand, encrypted=True))
    assert (record.outcome, record.encrypted, record.plain_because) == (Outcome.SUCCEEDED, True, "")


def test_the_record_says_why_it_was_not(stand: Stand) -> None:
    record = move(stand, order(stand, encrypted=False, plain_because="skopje has no certificates for TLS"))
    assert (record.encrypted, record.plain_because) == (False, "skopje has no certificates for TLS")


@pytest.mark.parametrize("method", [Method.LIVE, Method.COLD])
@pytest.mark.parametrize("fault", ["gone", "for another host"])
def test_certificates_that_fail_after_all_fail_the_move_and_nothing_is_sent_in_plain_text(
    stand: Stand, fault: str, method: Method
) -> None:
    planned = order(stand, encrypted=True, method=method)
    seen = stand.destination.certificates
    assert seen is not None
    assert seen.server is not None
    another = replace(seen, server=replace(seen.server, names=frozenset({"oslo"})))
    stand.destination.certificates = None if fault == "gone" else another
    record = move(stand, planned)
    assert (record.outcome, record.encrypted) == (Outcome.FAILED, True)
    assert stand.fleet.running(VM) == ("tallinn",)
    assert stand.volumes_at_destination() == set()


@pytest.mark.parametrize("presync", [True, False])
def test_a_cold_moves_disks_are_encrypted_too(stand: Stand, *, presync: bool) -> None:
    record = move(stand, stand.order(Method.COLD, cold=ColdSpec(presync=presync)))
    assert (record.outcome, record.encrypted, record.plain_because) == (Outcome.SUCCEEDED, True, "")
