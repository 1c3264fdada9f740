"""`eject_cdrom = true`: the image is ejected before the move, and is back if the move fails."""

from __future__ import annotations

from dataclasses import replace

import pytest
from stand import VM, Stand

from ferryman.fleet.fake.faults import Operation
from ferryman.migration.attempt import carry_out, take_up
from ferryman.migration.order import Order
from ferryman.records.audit.record import MigrationRecord, Outcome
from ferryman.records.journal.entry import Step
from ferryman.specs.choices import Method

IMAGE = "/srv/iso/seed.iso"
DRIVE = (
    f"<disk type='file' device='cdrom'><driver name='qemu' type='raw'/><source file='{IMAGE}'/>"
    "<target dev='sda' bus='sata'/><readonly/></disk></devices>"
)


@pytest.fixture
def inserted(stand: Stand) -> Stand:
    guest = stand.source.domains.known[VM]
    guest.xml = guest.xml.replace("</devices>", DRIVE)
    return stand


def order(stand: Stand, method: Method) -> Order:
    return stand.order(method, eject_cdrom=True)


def moved(stand: Stand, method: Method) -> MigrationRecord:
    record = carry_out(order(stand, method), stand.services())
    assert record is not None
    return record


def media(stand: Stand, host: str) -> list[str]:
    return [medium.path for medium in stand.fleet.hosts[host].drives.media(VM)]


@pytest.mark.parametrize("method", [Method.LIVE, Method.COLD])
def test_it_moves_with_an_empty_drive_and_the_record_says_so(inserted: Stand, method: Method) -> None:
    record = moved(inserted, method)
    assert record.outcome is Outcome.SUCCEEDED, record.reason
    assert media(inserted, "skopje") == []
    assert [(medium.target, medium.path) for medium in record.ejected] == [("sda", IMAGE)]
    assert f"sda: {IMAGE} is inserted, and is ejected before the move" in record.warnings[0]


@pytest.mark.parametrize(
    ("method", "host", "operation"),
    [
        (Method.LIVE, "skopje", Operation.CREATE),
        (Method.LIVE, "tallinn", Operation.MIGRATE),
        (Method.COLD, "skopje", Operation.CREATE),
        (Method.COLD, "skopje", Operation.DEFINE),
    ],
)
def test_a_move_that_fails_puts_it_back(inserted: Stand, method: Method, host: str, operation: Operation) -> None:
    inserted.fleet.hosts[host].faults.fail_next(operation)
    before = inserted.source.domains.inspect(VM).disks
    assert moved(inserted, method).outcome is Outcome.FAILED
    assert inserted.source.domains.inspect(VM).disks == before
    assert media(inserted, "tallinn") == [IMAGE]


def test_a_guest_that_holds_its_drive_shut_does_not_move(inserted: Stand) -> None:
    inserted.source.faults.fail_next(Operation.EJECT)
    record = moved(inserted, Method.LIVE)
    assert record.outcome is Outcome.FAILED
    assert "eject fails as planted" in record.reason
    assert media(inserted, "tallinn") == [IMAGE]
    assert inserted.volumes_at_destination() == set()


def test_a_daemon_that_was_killed_in_between_puts_it_back_at_its_next_start(inserted: Stand) -> None:
    (medium,) = inserted.source.drives.media(VM)
    inserted.source.drives.eject(VM, medium)
    entry = replace(inserted.left_open(Method.LIVE, Step.PREPARING), ejected=(medium,))
    record = take_up(entry, inserted.services())
    assert record is not None
    assert record.outcome is Outcome.FAILED
    assert media(inserted, "tallinn") == [IMAGE]
