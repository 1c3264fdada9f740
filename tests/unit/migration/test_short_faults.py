"""What breaks for some seconds while a move is brought to its end is waited for; what lasts is told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from stand import VM, Stand

from ferryman.fleet.fake.faults import Call, Operation
from ferryman.fleet.fake.hosts import DISK, FakeHost
from ferryman.fleet.fake.migration import Breakage
from ferryman.fleet.fake.storage import FakeVolume
from ferryman.fleet.values import Power
from ferryman.migration.attempt import carry_out, take_up
from ferryman.migration.settling.trying import MOST_TRIES, PAUSES_S, pause_s
from ferryman.records.audit.ledger import VolumePlace, leftovers
from ferryman.records.audit.record import MigrationRecord, Outcome
from ferryman.specs.choices import Method

IMAGE = f"{VM}.img"
FOR_EVER = float("inf")
SHORT_S = (5, 20)
_NS_PER_S = 1_000_000_000


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    """Hosts without SSH, with a VM that runs on the source."""
    stand = Stand(tmp_path, scheme="qemu+tcp")
    stand.source.add_vm(VM)
    yield stand
    assert stand.fleet.violations == []


def breaks(stand: Stand, host: FakeHost, operation: Operation, seconds: float) -> None:
    """From its first call on, an operation fails for so long."""
    first_ns: list[int] = []

    def told(call: Call) -> None:
        if call.operation is not operation:
            return
        first_ns.append(stand.clock.passed_ns)
        if stand.clock.passed_ns - first_ns[0] < seconds * _NS_PER_S:
            host.faults.fail_next(operation)

    host.faults.around_calls = told


def move(stand: Stand, method: Method = Method.COLD) -> MigrationRecord:
    record = carry_out(stand.order(method), stand.services())
    assert record is not None
    return record


def with_second_disk(stand: Stand) -> None:
    guest, pool = stand.source.domains.known[VM], stand.source.pools["vms"]
    pool.volumes["data.img"] = FakeVolume(content=DISK)
    disk = (
        f"<disk type='file' device='disk'><driver name='qemu' type='raw'/>"
        f"<source file='{pool.target_path}/data.img'/><target dev='vdb' bus='virtio'/></disk>"
    )
    guest.xml = guest.xml.replace("<disk", f"{disk}<disk", 1)


def paused_at_the_source(stand: Stand) -> None:
    """Its migration breaks with the guest standing still."""
    stand.fleet.plan_breakage(VM, Breakage(source=Power.PAUSED, destination=None))


def test_a_step_is_tried_for_about_a_minute() -> None:
    assert 45 <= sum(PAUSES_S) <= 75
    assert list(PAUSES_S) == sorted(PAUSES_S)
    assert [pause_s(tries) for tries in range(MOST_TRIES + 1)] == [0.0, *PAUSES_S, 0.0]


class TestVolumesThatAreNotDeleted:
    """A file system that turned read-only, a pool that stopped."""

    @pytest.mark.parametrize("seconds", SHORT_S)
    def test_once_they_can_be_they_are(self, stand: Stand, seconds: int) -> None:
        stand.destination.faults.fail_next(Operation.UPLOAD)
        breaks(stand, stand.destination, Operation.DELETE, seconds)
        record = move(stand)
        assert (record.outcome, record.volumes_created) == (Outcome.FAILED, ())
        assert (stand.volumes_at_destination(), stand.fleet.running(VM)) == (set(), ("tallinn",))

    def test_what_stays_for_ever_is_in_the_record_for_the_next_attempt_and_for_gc(self, stand: Stand) -> None:
        stand.destination.faults.fail_next(Operation.UPLOAD)
        breaks(stand, stand.destination, Operation.DELETE, FOR_EVER)
        record = move(stand)
        assert (record.outcome, stand.fleet.running(VM)) == (Outcome.FAILED, ("tallinn",))
        assert [(at.host, at.pool, at.name) for at in record.volumes_created] == [("skopje", "vms", IMAGE)]
        assert f"left on skopje: vms/{IMAGE}" in record.reason
        assert f"ferryman gc --vm {VM} --delete" in record.remedy
        assert stand.destination.faults.made(Operation.DELETE) == MOST_TRIES
        assert stand.clock.passed_ns < 120 * _NS_PER_S
        assert set(leftovers([record])) == {VolumePlace(host="skopje", pool="vms", name=IMAGE)}

    def test_of_two_disks_only_the_one_that_stays_is_named(self, stand: Stand) -> None:
        with_second_disk(stand)
        stand.destination.faults.fail_next(Operation.UPLOAD)
        first: list[Call] = []

        def told(call: Call) -> None:
            if call.operation is Operation.DELETE:
                first.append(call)
                if call.subject == first[0].subject:
                    stand.destination.faults.fail_next(Operation.DELETE)

        stand.destination.faults.around_calls = told
        record = move(stand)
        assert [f"{at.pool}/{at.name}" for at in record.volumes_created] == [first[0].subject]
        assert {f"vms/{name}" for name in stand.volumes_at_destination()} == {first[0].subject}


class TestAGuestThatIsDown:
    """virtlogd is restarted, and nothing starts or resumes meanwhile."""

    @pytest.mark.parametrize("seconds", SHORT_S)
    def test_it_is_started_again_once_that_works(self, stand: Stand, seconds: int) -> None:
        stand.destination.faults.fail_next(Operation.UPLOAD)
        breaks(stand, stand.source, Operation.START, seconds)
        assert move(stand).outcome is Outcome.FAILED
        assert stand.fleet.running(VM) == ("tallinn",)

    @pytest.mark.parametrize("seconds", SHORT_S)
    def test_it_is_resumed_once_that_works(self, stand: Stand, seconds: int) -> None:
        paused_at_the_source(stand)
        breaks(stand, stand.source, Operation.RESUME, seconds)
        assert move(stand, Method.LIVE).outcome is Outcome.FAILED
        assert stand.fleet.running(VM) == ("tallinn",)

    @pytest.mark.parametrize("operation", [Operation.START, Operation.RESUME])
    def test_one_that_never_does_is_held(self, stand: Stand, operation: Operation) -> None:
        breaks(stand, stand.source, operation, FOR_EVER)
        if operation is Operation.RESUME:
            paused_at_the_source(stand)
        else:
            stand.destination.faults.fail_next(Operation.UPLOAD)
        record = move(stand, Method.LIVE if operation is Operation.RESUME else Method.COLD)
        assert record.outcome is Outcome.HELD
        assert f"failed {MOST_TRIES} times" in record.reason
        assert stand.source.faults.made(operation) == MOST_TRIES

    def test_a_daemon_that_stops_meanwhile_leaves_it_open_and_the_next_one_goes_on(self, stand: Stand) -> None:
        stand.destination.faults.fail_next(Operation.UPLOAD)
        breaks(stand, stand.source, Operation.START, 20)
        stand.source.faults.before_next(Operation.START, stand.stop.set)
        assert carry_out(stand.order(Method.COLD), stand.services()) is None
        assert stand.source.faults.made(Operation.START) == 1
        stand.stop.clear()
        (entry,) = stand.journal.entries()
        record = take_up(entry, stand.services())
        assert record is not None
        assert (record.outcome, stand.fleet.running(VM)) == (Outcome.FAILED, ("tallinn",))
