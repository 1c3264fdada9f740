"""Cold moves from the order to the record, on fake hosts that have no SSH: the disks go through this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from stand import VM, Stand

from ferryman.fleet.errors import FailureKind, FleetError, HostUnreachableError, OperationFailedError
from ferryman.fleet.fake.domain import Shutdown
from ferryman.fleet.fake.faults import Operation
from ferryman.fleet.fake.hosts import DISK
from ferryman.fleet.fake.storage import empty
from ferryman.fleet.values import Power
from ferryman.migration.attempt import carry_out, take_up
from ferryman.records.audit.record import MigrationRecord, Outcome
from ferryman.records.journal.entry import Step
from ferryman.specs.choices import Method

IMAGE = f"{VM}.img"


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    """Hosts without SSH, with a VM that runs on the source."""
    stand = Stand(tmp_path, scheme="qemu+tcp")
    stand.source.add_vm(VM)
    yield stand
    assert stand.fleet.violations == []


def move(stand: Stand) -> MigrationRecord:
    record = carry_out(stand.order(Method.COLD), stand.services())
    assert record is not None
    return record


def assert_back_at_the_source(stand: Stand, record: MigrationRecord) -> None:
    assert record.outcome is Outcome.FAILED
    assert stand.fleet.running(VM) == stand.fleet.defined(VM) == ("tallinn",)
    assert stand.volumes_at_destination() == set()
    assert stand.source.pools["vms"].volumes[IMAGE].content == DISK


class TestWell:
    def test_it_is_shut_down_copied_and_started_at_the_destination_only(self, stand: Stand) -> None:
        record = move(stand)
        assert record.outcome is Outcome.SUCCEEDED
        assert stand.fleet.running(VM) == stand.fleet.defined(VM) == ("skopje",)
        names = [phase.name for phase in record.phases]
        assert names == ["preparing", "shutting down", "copying disks", "defining", "starting"]

    def test_holes_stay_holes(self, stand: Stand) -> None:
        move(stand)
        content = stand.destination.pools["vms"].volumes[IMAGE].content
        assert content == DISK

    def test_a_vm_that_was_off_stays_off(self, stand: Stand) -> None:
        stand.source.domains.known[VM].power = Power.SHUT_OFF
        assert move(stand).outcome is Outcome.SUCCEEDED
        assert (stand.fleet.running(VM), stand.fleet.defined(VM)) == ((), ("skopje",))
        assert stand.destination.faults.made(Operation.START) == 0

    def test_an_image_that_grew_until_the_guest_was_off_is_copied_as_it_is_then(self, stand: Stand) -> None:
        pool = stand.source.pools["vms"]
        pool.volumes[IMAGE].content = before = empty("qcow2", 64 * 1024**2)

        def grows() -> None:
            pool.volumes[IMAGE].content = (*before, b"written since")

        stand.source.faults.before_next(Operation.REQUEST_SHUTDOWN, grows)
        assert move(stand).outcome is Outcome.SUCCEEDED
        assert stand.destination.pools["vms"].volumes[IMAGE].content == pool.volumes[IMAGE].content

    def test_what_starts_with_its_host_does_so_where_it_ended_up(self, stand: Stand) -> None:
        stand.source.domains.known[VM].autostart = True
        move(stand)
        assert stand.destination.domains.known[VM].autostart


class TestShutdown:
    def test_a_guest_that_ignores_it_is_never_powered_off(self, stand: Stand) -> None:
        stand.source.domains.known[VM].shutdown = Shutdown.IGNORES
        record = move(stand)
        assert_back_at_the_source(stand, record)
        assert "did not shut down within 20 s" in record.reason
        assert stand.source.faults.made(Operation.DESTROY) == 0
        assert stand.source.faults.made(Operation.REQUEST_SHUTDOWN) > 1

    def test_one_that_obeys_after_the_deadline_is_started_again(self, stand: Stand) -> None:
        stand.source.domains.known[VM].shutdown = Shutdown.LATE
        assert_back_at_the_source(stand, move(stand))
        assert stand.source.faults.made(Operation.START) == 1

    def test_a_daemon_that_stops_meanwhile_leaves_the_move_open_to_see_what_comes_of_it(self, stand: Stand) -> None:
        stand.source.domains.known[VM].shutdown = Shutdown.IGNORES
        stand.stop.waits_until_set = 3
        assert carry_out(stand.order(Method.COLD), stand.services()) is None
        assert [entry.step for entry in stand.journal.entries()] == [Step.TRANSFERRING]


class TestRolledBack:
    @pytest.mark.parametrize(
        ("operation", "at_destination"),
        [
            (Operation.CREATE, True),
            (Operation.UPLOAD, True),
            (Operation.DEFINE, True),
            (Operation.START, True),
            (Operation.DISARM, False),
            (Operation.DOWNLOAD, False),
        ],
    )
    def test_whatever_fails_it_runs_at_the_source_again(
        self, stand: Stand, operation: Operation, *, at_destination: bool
    ) -> None:
        stand.source.domains.known[VM].autostart = True
        order = stand.order(Method.COLD)
        (stand.destination if at_destination else stand.source).faults.fail_next(operation)
        record = carry_out(order, stand.services())
        assert record is not None
        assert_back_at_the_source(stand, record)
        assert stand.source.domains.known[VM].autostart
        assert "fails as planted" in record.reason

    def test_a_short_copy_is_seen_and_not_started(self, stand: Stand) -> None:
        def shrinks() -> None:
            stand.destination.pools["vms"].volumes[IMAGE].content = (b"cut",)

        # Once to see that nothing is there yet, once to see what arrived.
        stand.destination.faults.before_next(Operation.FIND, lambda: None)
        stand.destination.faults.before_next(Operation.FIND, shrinks)
        record = move(stand)
        assert_back_at_the_source(stand, record)
        assert "3 bytes arrived of" in record.reason
        assert stand.destination.faults.made(Operation.DEFINE) == 0

    def test_a_vm_that_somebody_starts_during_the_copy_stays_where_it_is(self, stand: Stand) -> None:
        def starts() -> None:
            stand.source.domains.known[VM].power = Power.RUNNING

        stand.destination.faults.before_next(Operation.UPLOAD, starts)
        record = move(stand)
        assert_back_at_the_source(stand, record)
        assert "did not stay shut off" in record.reason
        assert stand.destination.faults.made(Operation.DEFINE) == 0

    def test_a_daemon_that_stops_during_the_copy_brings_the_source_back(self, stand: Stand) -> None:
        stand.source.faults.before_next(Operation.DOWNLOAD, stand.stop.set)
        assert_back_at_the_source(stand, move(stand))

    def test_a_source_that_does_not_start_again_is_held(self, stand: Stand) -> None:
        stand.destination.faults.fail_next(Operation.UPLOAD)
        stand.source.faults.fail_next(Operation.START, times=9)
        record = move(stand)
        assert record.outcome is Outcome.HELD
        assert stand.source.faults.made(Operation.START) == 5


class TestCallsThatLie:
    @pytest.mark.parametrize("operation", [Operation.DEFINE, Operation.START])
    def test_one_that_raised_and_had_its_effect_is_seen_to_have_had_it(
        self, stand: Stand, operation: Operation
    ) -> None:
        stand.destination.faults.fail_next(operation, after_effect=True)
        assert move(stand).outcome is Outcome.SUCCEEDED
        assert stand.fleet.running(VM) == stand.fleet.defined(VM) == ("skopje",)

    def test_a_start_that_was_refused_and_takes_effect_later_keeps_its_definition(self, stand: Stand) -> None:
        def starts_late() -> None:
            stand.destination.domains.known[VM].power = Power.RUNNING

        stand.destination.faults.fail_next(Operation.START)
        stand.destination.faults.before_next(Operation.POWER, starts_late)
        assert move(stand).outcome is Outcome.SUCCEEDED
        assert stand.fleet.running(VM) == stand.fleet.defined(VM) == ("skopje",)

    def test_a_source_that_keeps_its_definition_is_held_with_the_vm_running_at_the_destination(
        self, stand: Stand
    ) -> None:
        stand.source.faults.fail_next(Operation.UNDEFINE, times=9)
        record = move(stand)
        assert record.outcome is Outcome.HELD
        assert stand.fleet.running(VM) == ("skopje",)

    def test_a_destination_that_falls_silent_in_starting_is_asked_again(self, stand: Stand) -> None:
        faults = stand.destination.faults
        faults.fail_next(Operation.START, faults.unreachable_error(), times=7)
        assert move(stand).outcome is Outcome.SUCCEEDED


class TestNeverBackToOldDisks:
    """Once the guest may have run at the destination, what it wrote there is not given up for the source's copy."""

    def test_a_destination_that_lost_power_after_the_start_is_started_again_and_never_given_up(
        self, stand: Stand
    ) -> None:
        """It ran and wrote; the journal took no entry meanwhile; then its host went off, and was slow to come up."""
        faults, there = stand.destination.faults, stand.destination

        def runs_writes_and_dies() -> None:
            there.pools["vms"].volumes[IMAGE].write((b"newest",))
            there.domains.power_off(VM)
            faults.fail_next(Operation.START)

        order = stand.order(Method.COLD)
        faults.before_next(Operation.READ, lambda: None)  # the look before the start
        faults.before_next(Operation.READ, runs_writes_and_dies)
        record = carry_out(order, stand.services())
        assert record is not None
        assert (record.outcome, stand.fleet.running(VM)) == (Outcome.SUCCEEDED, ("skopje",))
        assert there.pools["vms"].volumes[IMAGE].content == (b"newest",)

    @pytest.mark.parametrize(
        "error",
        [
            OperationFailedError(FailureKind.BUSY, "no answer within 300 s", "See libvirtd there."),
            HostUnreachableError("the connection broke", "See libvirtd there."),
        ],
    )
    def test_a_start_of_which_nothing_is_known_is_none_that_was_refused(self, stand: Stand, error: FleetError) -> None:
        stand.destination.faults.fail_next(Operation.START, error)
        stand.destination.faults.fail_next(Operation.START)
        record = move(stand)
        assert (record.outcome, stand.fleet.running(VM)) == (Outcome.SUCCEEDED, ("skopje",))

    def test_one_that_is_never_started_again_is_held_with_both_disks(self, stand: Stand) -> None:
        busy = OperationFailedError(FailureKind.BUSY, "no answer within 300 s", "See libvirtd there.")
        stand.destination.faults.fail_next(Operation.START, busy)
        stand.destination.faults.fail_next(Operation.START, times=99)
        record = move(stand)
        assert (record.outcome, stand.fleet.running(VM)) == (Outcome.HELD, ())
        assert "may have run there" in record.reason
        assert "virsh undefine" in record.remedy
        assert stand.volumes_at_destination() == {IMAGE}
        assert stand.fleet.defined(VM) == ("tallinn", "skopje")

    def test_an_interrupted_start_is_gone_on_with_however_often_it_is_refused(self, stand: Stand) -> None:
        entry = stand.left_open(Method.COLD, Step.STARTING)
        stand.source.domains.known[VM].power = Power.SHUT_OFF
        stand.destination.definitions.define(stand.source.domains.known[VM].xml, autostart=False)
        stand.destination.faults.fail_next(Operation.START)
        record = take_up(entry, stand.services())
        assert record is not None
        assert (record.outcome, stand.fleet.running(VM)) == (Outcome.SUCCEEDED, ("skopje",))

    def test_whoever_was_interrupted_in_going_back_to_the_source_goes_on_with_that(self, stand: Stand) -> None:
        """The first start was refused: it never ran there, and the journal says so before the definition is removed."""
        stand.destination.faults.fail_next(Operation.START)
        stand.source.faults.fail_next(Operation.START, stand.source.faults.unreachable_error(), times=99)
        stand.stop.waits_until_set = 3
        assert carry_out(stand.order(Method.COLD), stand.services()) is None
        (entry,) = stand.journal.entries()
        assert entry.step is Step.ACTIVATING
        stand.source.faults.heal()
        stand.stop.waits_until_set = None
        stand.stop.clear()
        record = take_up(entry, stand.services())
        assert record is not None
        assert_back_at_the_source(stand, record)
