"""Live moves from the order to the record, on fake hosts."""

from __future__ import annotations

from dataclasses import replace

import pytest
from stand import VM, Stand

from ferryman.fleet.errors import FailureKind, OperationFailedError
from ferryman.fleet.fake.faults import Operation
from ferryman.fleet.fake.hosts import DISK
from ferryman.fleet.fake.migration import Breakage
from ferryman.fleet.fake.storage import FakeVolume
from ferryman.fleet.migrating import Job, JobPhase
from ferryman.fleet.values import Power
from ferryman.migration.attempt import carry_out
from ferryman.migration.order import Order, live_request
from ferryman.planning.modes import SwitchOver
from ferryman.records.audit.record import MigrationRecord, Outcome
from ferryman.records.audit.timeline import Mark
from ferryman.records.journal.entry import Step
from ferryman.specs.choices import Method

IMAGE = f"{VM}.img"
MIB = 1024 * 1024


def replacing_a_leftover(stand: Stand) -> Order:
    order = stand.order(Method.LIVE)
    disks = tuple(replace(disk, replaces_leftover=True) for disk in order.plan.disks)
    return replace(order, plan=replace(order.plan, disks=disks))


def move(stand: Stand) -> MigrationRecord:
    record = carry_out(stand.order(Method.LIVE), stand.services())
    assert record is not None
    return record


def assert_back_at_the_source(stand: Stand, record: MigrationRecord) -> None:
    assert record.outcome is Outcome.FAILED
    assert stand.fleet.running(VM) == stand.fleet.defined(VM) == ("tallinn",)
    assert stand.volumes_at_destination() == set()


class TestWell:
    def test_it_runs_at_the_destination_and_only_there(self, stand: Stand) -> None:
        record = move(stand)
        assert record.outcome is Outcome.SUCCEEDED
        assert stand.fleet.running(VM) == stand.fleet.defined(VM) == ("skopje",)

    @pytest.mark.parametrize(("address", "asked"), [("fd00::12", "tcp://[fd00::12]"), ("10.0.0.12", "tcp://10.0.0.12")])
    def test_memory_is_sent_to_the_migration_address(self, stand: Stand, address: str, asked: str) -> None:
        stand.specs["skopje"] = stand.specs["skopje"].model_copy(update={"migration_address": address})
        order = stand.order(Method.LIVE)
        assert live_request(order, {disk.target: disk.source for disk in order.plan.disks}).data_uri == asked

    def test_its_disk_is_at_both_ends_and_the_record_says_whose_they_are(self, stand: Stand) -> None:
        record = move(stand)
        assert stand.destination.pools["vms"].volumes[IMAGE].content == DISK
        assert stand.source.pools["vms"].volumes[IMAGE].content == DISK
        assert [(at.host, at.name) for at in record.volumes_created] == [("skopje", IMAGE)]
        assert [(at.host, at.name) for at in record.left_behind] == [("tallinn", IMAGE)]

    def test_the_hypervisors_own_figures_are_in_the_record(self, stand: Stand) -> None:
        record = move(stand)
        assert record.transfer.hypervisor_downtime_ms == 31
        assert [phase.name for phase in record.phases] == ["preparing", "migrating"]

    def test_disks_that_were_copied_before_anybody_looked_are_counted_where_they_arrived(self, stand: Stand) -> None:
        stand.fleet.plan_jobs(VM, [Job(phase=JobPhase.SETUP)])
        assert move(stand).transfer.disk_bytes == sum(len(run) for run in DISK if isinstance(run, bytes)) > 0

    def test_disks_are_counted_as_the_hypervisor_told_while_their_copy_was_whole(self, stand: Stand) -> None:
        memory = Job(phase=JobPhase.MEMORY, memory_total_bytes=MIB, disk_processed_bytes=7)
        stand.fleet.plan_jobs(VM, [memory])
        assert move(stand).transfer.disk_bytes == 7

    def test_the_journal_stays_open_for_the_caller_to_close_once_the_record_is_written(self, stand: Stand) -> None:
        move(stand)
        (entry,) = stand.journal.entries()
        assert (entry.vm, entry.step) == (VM, Step.FINISHING)

    def test_what_starts_with_its_host_does_so_where_it_ended_up(self, stand: Stand) -> None:
        stand.source.domains.known[VM].autostart = True
        move(stand)
        assert stand.destination.domains.known[VM].autostart

    def test_disks_that_are_written_as_fast_as_they_are_sent_end_the_move(self, stand: Stand) -> None:
        looks = [
            Job(phase=JobPhase.DISKS, disk_processed_bytes=number * 9 * MIB, disk_remaining_bytes=9 * MIB)
            for number in range(5)
        ]

        def half_a_minute_later() -> None:
            stand.clock.passed_ns += 31 * 10**9

        for _ in looks:
            stand.source.faults.before_next(Operation.JOB, half_a_minute_later)
        stand.fleet.plan_jobs(VM, looks)
        record = move(stand)
        assert_back_at_the_source(stand, record)
        assert "writes its disks faster than the link carries: 9 MiB were left" in record.reason
        assert "auto_converge = true" in record.remedy
        assert [one.detail for one in record.timeline if one.mark is Mark.STEERED] == [
            "abort with 9.0 MiB of disks left"
        ]

    def test_the_downtime_limit_climbs_while_memory_stalls(self, stand: Stand) -> None:
        stalled = [
            Job(phase=JobPhase.MEMORY, memory_iteration=iteration, memory_remaining_bytes=1000)
            for iteration in (1, 2, 3)
        ]
        limits_ms = stand.source.domains.known[VM].downtime_limits_ms
        stand.fleet.plan_jobs(VM, stalled)
        record = move(stand)
        assert limits_ms == [20, 50]
        assert "copying memory" in [progress.phase for progress in stand.shown]
        steered = [entry.detail for entry in record.timeline if entry.mark is Mark.STEERED]
        assert steered == ["a downtime of 50 ms in pass 3, 0.0 MiB left"]

    def test_a_guest_that_is_stopped_after_one_iteration_is_slowed_down_before(self, stand: Stand) -> None:
        last = Job(phase=JobPhase.MEMORY, memory_iteration=1, memory_remaining_bytes=9 * MIB, memory_bytes_s=100 * MIB)
        caps_mib_s = stand.source.domains.known[VM].caps_mib_s
        stand.fleet.plan_jobs(VM, [last, last, replace(last, memory_remaining_bytes=MIB)])
        order = stand.order(Method.LIVE)
        order = replace(order, plan=replace(order.plan, switch_over=SwitchOver.ONE_ITERATION))
        assert carry_out(order, stand.services()) is not None
        assert caps_mib_s == [50, 30]


class TestBroken:
    @pytest.mark.parametrize(
        "breakage",
        [
            Breakage(source=Power.RUNNING, destination=None),
            Breakage(source=Power.RUNNING, destination=Power.PAUSED),
            Breakage(source=Power.PAUSED, destination=None),
            Breakage(source=Power.PAUSED, destination=Power.PAUSED),
        ],
        ids=str,
    )
    def test_before_the_switch_over_it_runs_on_at_the_source(self, stand: Stand, breakage: Breakage) -> None:
        stand.fleet.plan_breakage(VM, breakage)
        record = move(stand)
        assert_back_at_the_source(stand, record)
        assert "broke" in record.reason

    @pytest.mark.parametrize(
        "breakage",
        [
            Breakage(source=Power.PAUSED, destination=Power.RUNNING),
            Breakage(source=Power.SHUT_OFF, destination=Power.RUNNING),
        ],
        ids=str,
    )
    def test_after_the_switch_over_it_has_arrived_whatever_the_call_said(
        self, stand: Stand, breakage: Breakage
    ) -> None:
        stand.fleet.plan_breakage(VM, breakage)
        assert move(stand).outcome is Outcome.SUCCEEDED
        assert stand.fleet.running(VM) == stand.fleet.defined(VM) == ("skopje",)

    def test_a_guest_that_ended_meanwhile_is_off_where_it_was(self, stand: Stand) -> None:
        stand.fleet.plan_breakage(VM, Breakage(source=Power.SHUT_OFF, destination=None))
        record = move(stand)
        assert (record.outcome, stand.fleet.defined(VM)) == (Outcome.FAILED, ("tallinn",))
        assert "is shut off at the source" in record.reason
        assert stand.volumes_at_destination() == set()

    def test_a_paused_copy_that_may_have_run_is_left_to_a_person(self, stand: Stand) -> None:
        left = Breakage(source=Power.PAUSED, destination=Power.PAUSED, incoming=False)
        stand.fleet.plan_breakage(VM, left)
        record = move(stand)
        assert record.outcome is Outcome.HELD
        assert stand.source.faults.made(Operation.RESUME) == 0
        assert stand.destination.faults.made(Operation.DESTROY) == 0
        assert stand.volumes_at_destination() == {IMAGE}

    def test_a_source_that_somebody_resumes_at_the_last_moment_is_not_destroyed(self, stand: Stand) -> None:
        def resumes() -> None:
            stand.source.domains.known[VM].power = Power.RUNNING

        stand.fleet.plan_breakage(VM, Breakage(source=Power.PAUSED, destination=Power.RUNNING))
        stand.source.faults.before_next(Operation.POWER, resumes)
        record = move(stand)
        assert record.outcome is Outcome.HELD
        assert stand.source.faults.made(Operation.DESTROY) == 0
        # That somebody made it run twice; ferryman says so.
        assert "running on tallinn and running on skopje" in record.reason
        stand.fleet.violations.clear()

    def test_a_source_that_does_not_resume_is_held_after_five_tries(self, stand: Stand) -> None:
        stand.fleet.plan_breakage(VM, Breakage(source=Power.PAUSED, destination=None))
        stand.source.faults.fail_next(Operation.RESUME, times=9)
        record = move(stand)
        assert record.outcome is Outcome.HELD
        assert stand.source.faults.made(Operation.RESUME) == 5

    def test_a_volume_that_cannot_be_removed_is_named_and_the_move_has_failed_all_the_same(self, stand: Stand) -> None:
        stand.fleet.plan_breakage(VM, Breakage(source=Power.RUNNING, destination=None))
        stand.destination.faults.fail_next(Operation.DELETE, times=9)
        record = move(stand)
        assert record.outcome is Outcome.FAILED
        assert f"left on skopje: vms/{IMAGE}" in record.reason
        assert f"ferryman gc --vm {VM} --delete" in record.remedy

    def test_the_source_is_armed_again(self, stand: Stand) -> None:
        stand.source.domains.known[VM].autostart = True
        stand.fleet.plan_breakage(VM, Breakage(source=Power.RUNNING, destination=None))
        move(stand)
        assert stand.source.domains.known[VM].autostart

    def test_a_source_that_reboots_after_the_switch_over_brings_up_no_second_copy(self, stand: Stand) -> None:
        stand.source.domains.known[VM].autostart = True
        stand.fleet.plan_breakage(VM, Breakage(source=Power.SHUT_OFF, destination=Power.RUNNING))
        stand.source.faults.before_next(Operation.JOB, stand.source.reboot)
        assert move(stand).outcome is Outcome.SUCCEEDED


class TestHostsThatFallSilent:
    def test_a_destination_out_of_sight_is_waited_for_not_taken_for_empty(self, stand: Stand) -> None:
        faults = stand.destination.faults
        stand.fleet.plan_breakage(VM, Breakage(source=Power.PAUSED, destination=Power.PAUSED))

        def comes_back() -> None:
            faults.unreachable = False

        def goes() -> None:
            faults.unreachable = True
            for _ in range(5):
                faults.before_next(Operation.READ, lambda: None)
            faults.before_next(Operation.READ, comes_back)

        stand.source.faults.before_next(Operation.MIGRATE, goes)
        assert_back_at_the_source(stand, move(stand))
        assert stand.clock.passed_ns >= 10 * 10**9
        assert "waiting for an unreachable host" in {progress.phase for progress in stand.shown}

    def test_a_daemon_that_stops_meanwhile_leaves_the_move_open(self, stand: Stand) -> None:
        def goes() -> None:
            stand.source.faults.unreachable = True

        stand.source.faults.before_next(Operation.MIGRATE, goes)
        stand.stop.waits_until_set = 3
        assert carry_out(stand.order(Method.LIVE), stand.services()) is None
        assert [entry.step for entry in stand.journal.entries()] == [Step.TRANSFERRING]

    def test_a_daemon_that_stops_leaves_the_hypervisors_migration_running(self, stand: Stand) -> None:
        stand.fleet.plan_jobs(VM, [Job(phase=JobPhase.MEMORY, memory_iteration=1)])
        stand.source.faults.before_next(Operation.MIGRATE, stand.stop.set)
        assert carry_out(stand.order(Method.LIVE), stand.services()) is None
        assert stand.source.faults.made(Operation.ABORT) == 0
        assert [entry.step for entry in stand.journal.entries()] == [Step.TRANSFERRING]
        # The rest of the migration, so that the call's thread ends.
        stand.source.migrations.job(VM)
        stand.source.migrations.job(VM)


class TestVolumesOfOthers:
    def test_ours_is_named_in_the_journal_on_disk_before_it_exists(self, stand: Stand) -> None:
        named: list[str] = []

        def look() -> None:
            named.extend(volume.name for entry in stand.journal.entries() for volume in entry.created)

        stand.destination.faults.before_next(Operation.CREATE, look)
        assert move(stand).outcome is Outcome.SUCCEEDED
        assert named == [IMAGE]

    def test_one_that_appeared_since_planning_is_not_taken_for_ours(self, stand: Stand) -> None:
        order = stand.order(Method.LIVE)
        theirs = FakeVolume(content=(b"precious",))
        stand.destination.pools["vms"].volumes[IMAGE] = theirs
        record = carry_out(order, stand.services())
        assert record is not None
        assert (record.outcome, record.volumes_created) == (Outcome.FAILED, ())
        assert stand.destination.pools["vms"].volumes[IMAGE] is theirs

    def test_one_that_appears_while_ours_is_created_is_not_taken_for_ours(self, stand: Stand) -> None:
        theirs = FakeVolume(content=(b"precious",))

        def appears() -> None:
            stand.destination.pools["vms"].volumes[IMAGE] = theirs

        stand.destination.faults.before_next(Operation.CREATE, appears)
        assert move(stand).outcome is Outcome.FAILED
        assert stand.destination.pools["vms"].volumes[IMAGE] is theirs

    def test_ours_is_removed_where_the_host_said_no_after_it_had_created_it(self, stand: Stand) -> None:
        refused = OperationFailedError(FailureKind.OTHER, "no room for its metadata", "Make room.")
        stand.destination.faults.fail_next(Operation.CREATE, refused, after_effect=True)
        assert_back_at_the_source(stand, move(stand))

    def test_storage_that_turns_out_to_be_shared_is_not_deleted(self, stand: Stand) -> None:
        order = stand.order(Method.LIVE)
        stand.destination.pools["vms"] = stand.source.pools["vms"]
        record = carry_out(order, stand.services())
        assert record is not None
        assert record.outcome is Outcome.FAILED
        assert IMAGE in stand.source.pools["vms"].volumes
        assert stand.fleet.running(VM) == ("tallinn",)

    def test_a_leftover_that_turns_out_to_be_the_disk_itself_is_not_deleted(self, stand: Stand) -> None:
        order = replacing_a_leftover(stand)
        stand.destination.pools["vms"] = stand.source.pools["vms"]
        record = carry_out(order, stand.services())
        assert record is not None
        assert record.outcome is Outcome.FAILED
        assert "share the storage" in record.reason
        assert set(stand.source.pools["vms"].volumes) == {IMAGE}

    def test_nor_is_one_of_which_nothing_can_be_proved(self, stand: Stand) -> None:
        order = replacing_a_leftover(stand)
        stand.destination.pools["vms"].volumes[IMAGE] = FakeVolume(content=(b"old",))
        full = OperationFailedError(FailureKind.OTHER, "No space left on device", "Make room.")
        stand.source.faults.fail_next(Operation.CREATE, full)
        record = carry_out(order, stand.services())
        assert record is not None
        assert record.outcome is Outcome.FAILED
        assert "tallinn takes no new volume in vms" in record.reason
        assert "virsh vol-create-as vms try.img 1M (on tallinn)" in record.remedy
        assert stand.destination.pools["vms"].volumes[IMAGE].content == (b"old",)

    def test_a_leftover_of_ours_is_replaced_and_no_marker_stays(self, stand: Stand) -> None:
        order = replacing_a_leftover(stand)
        stand.destination.pools["vms"].volumes[IMAGE] = FakeVolume(content=(b"old",))
        record = carry_out(order, stand.services())
        assert record is not None
        assert record.outcome is Outcome.SUCCEEDED
        assert stand.volumes_at_destination() == {IMAGE}
        assert stand.destination.pools["vms"].volumes[IMAGE].content == DISK
        assert [at.name for at in record.volumes_created] == [IMAGE]

    def test_ours_is_removed_where_the_destination_fell_silent_over_creating_it(self, stand: Stand) -> None:
        faults = stand.destination.faults
        faults.fail_next(Operation.CREATE, faults.unreachable_error(), after_effect=True)
        assert_back_at_the_source(stand, move(stand))


def test_a_job_that_somebody_cancelled_is_a_failure_with_its_reason(stand: Stand) -> None:
    cancelled = OperationFailedError(FailureKind.ABORTED, "operation aborted: by a person", "Nothing.")
    stand.source.faults.fail_next(Operation.MIGRATE, cancelled)
    record = move(stand)
    assert_back_at_the_source(stand, record)
    assert "by a person" in record.reason
