"""Cold moves between hosts with SSH, on fake hosts: mirrored while the guest runs, or copied once it is off."""

from __future__ import annotations

from dataclasses import replace

import pytest
from stand import VM, Stand

from ferryman.fleet.fake.domain import Shutdown
from ferryman.fleet.fake.faults import Operation
from ferryman.fleet.fake.hosts import DISK
from ferryman.fleet.fake.storage import FakeVolume, empty
from ferryman.fleet.values import Power
from ferryman.fleet.xml.adapting import SourceKind
from ferryman.migration.attempt import carry_out, take_up
from ferryman.migration.cold.mirroring import share_mib_s
from ferryman.planning.modes import ImageCopy
from ferryman.records.audit.record import MigrationRecord, Outcome
from ferryman.records.journal.entry import Step
from ferryman.specs.choices import DiskFormat, Method
from ferryman.specs.vm_spec import ColdSpec, StorageSpec

IMAGE = f"{VM}.img"
WRITTEN_SINCE = (*DISK, b"written since")


def move(stand: Stand, cold: ColdSpec | None = None, storage: StorageSpec | None = None) -> MigrationRecord:
    record = carry_out(stand.order(Method.COLD, cold=cold, storage=storage), stand.services())
    assert record is not None
    return record


def arrived(stand: Stand) -> object:
    return stand.destination.pools["vms"].volumes[IMAGE].content


def guest_writes_before(stand: Stand, operation: Operation) -> None:
    volume = stand.source.pools["vms"].volumes[IMAGE]
    stand.source.faults.before_next(operation, lambda: volume.write(WRITTEN_SINCE))


def assert_back_at_the_source(stand: Stand, record: MigrationRecord) -> None:
    assert record.outcome is Outcome.FAILED
    assert stand.fleet.running(VM) == stand.fleet.defined(VM) == ("tallinn",)
    assert stand.volumes_at_destination() == set()
    assert stand.source.images.mirrored(VM, "vda") is None


def test_a_guest_is_not_shut_down_for_a_copy_that_has_no_way_to_go(stand: Stand) -> None:
    order = stand.order(Method.COLD, cold=ColdSpec(presync=False))
    stand.source.faults.fail_next(Operation.REACH)
    record = carry_out(order, stand.services())
    assert record is not None
    assert_back_at_the_source(stand, record)
    assert stand.source.faults.made(Operation.REQUEST_SHUTDOWN) == 0
    assert stand.source.domains.known[VM].power is Power.RUNNING


@pytest.mark.parametrize(
    ("cap_mib_s", "disks", "each_mib_s"), [(50, 1, 50), (50, 2, 25), (50, 3, 16), (1, 2, 1), (0, 2, 0)]
)
def test_mirrors_share_the_cap(cap_mib_s: int, disks: int, each_mib_s: int) -> None:
    assert share_mib_s(cap_mib_s, disks) == each_mib_s


class TestMirrored:
    def test_the_guest_is_down_only_for_shutting_down_and_booting(self, stand: Stand) -> None:
        record = move(stand)
        assert (record.outcome, record.image_copy) == (Outcome.SUCCEEDED, ImageCopy.MIRROR)
        assert stand.fleet.running(VM) == stand.fleet.defined(VM) == ("skopje",)
        names = [phase.name for phase in record.phases]
        assert names == ["preparing", "mirroring disks", "shutting down", "defining", "starting"]
        assert arrived(stand) == DISK

    def test_what_it_writes_until_it_is_off_is_there(self, stand: Stand) -> None:
        guest_writes_before(stand, Operation.DISARM)
        assert move(stand).outcome is Outcome.SUCCEEDED
        assert arrived(stand) == WRITTEN_SINCE

    def test_a_mirror_that_breaks_at_the_last_moment_is_made_good_by_a_copy(self, stand: Stand) -> None:
        stand.source.faults.before_next(Operation.REQUEST_SHUTDOWN, lambda: stand.source.images.broken.add((VM, "vda")))
        guest_writes_before(stand, Operation.DISARM)
        record = move(stand)
        assert record.outcome is Outcome.SUCCEEDED
        assert arrived(stand) == WRITTEN_SINCE
        assert "copied anew" in record.warnings[-1]

    @pytest.mark.parametrize("seen", [True, False])
    def test_one_that_somebody_aborts_while_the_guest_shuts_down_is_made_good_by_a_copy(
        self, stand: Stand, *, seen: bool
    ) -> None:
        """Seen by a look at it, or told by the hypervisor."""
        images, faults = stand.source.images, stand.source.faults
        if seen:
            stand.source.domains.known[VM].shutdown = Shutdown.IGNORES
            faults.before_next(Operation.REQUEST_SHUTDOWN, lambda: None)
            faults.before_next(Operation.REQUEST_SHUTDOWN, lambda: stand.source.domains.power_off(VM))
            faults.before_next(Operation.MIRRORED, lambda: None)
            faults.before_next(Operation.MIRRORED, lambda: None)
            faults.before_next(Operation.MIRRORED, lambda: (images.somebody_aborts(VM, "vda"), images.broken.clear()))
        else:
            faults.before_next(Operation.REQUEST_SHUTDOWN, lambda: images.somebody_aborts(VM, "vda"))
        guest_writes_before(stand, Operation.DISARM)
        record = move(stand)
        assert (record.outcome, arrived(stand)) == (Outcome.SUCCEEDED, WRITTEN_SINCE)
        assert "copied anew" in record.warnings[-1]

    def test_one_that_breaks_before_leaves_the_guest_untouched(self, stand: Stand) -> None:
        stand.source.faults.before_next(Operation.MIRRORED, lambda: stand.source.images.broken.add((VM, "vda")))
        record = move(stand)
        assert_back_at_the_source(stand, record)
        assert stand.source.faults.made(Operation.REQUEST_SHUTDOWN) == 0

    @pytest.mark.parametrize(
        ("operation", "at_destination"),
        [
            (Operation.SERVE, True),
            (Operation.MIRROR, False),
            (Operation.MIRRORED, False),
            (Operation.MIRROR_BROKE, False),
            (Operation.DISARM, False),
            (Operation.DEFINE, True),
            (Operation.START, True),
        ],
    )
    def test_whatever_fails_it_runs_at_the_source_again(
        self, stand: Stand, operation: Operation, *, at_destination: bool
    ) -> None:
        (stand.destination if at_destination else stand.source).faults.fail_next(operation)
        record = move(stand)
        assert_back_at_the_source(stand, record)
        assert "fails as planted" in record.reason

    def test_a_daemon_that_stops_meanwhile_leaves_no_mirror(self, stand: Stand) -> None:
        stand.source.faults.before_next(Operation.MIRRORED, stand.stop.set)
        assert_back_at_the_source(stand, move(stand))

    def test_a_daemon_that_was_killed_meanwhile_leaves_none_after_its_next_start(self, stand: Stand) -> None:
        entry = stand.left_open(Method.COLD, Step.PREPARING)
        volume = stand.destination.volumes.by_path(f"/var/lib/libvirt/images/{IMAGE}")
        assert volume is not None
        record = take_up(entry, stand.services())
        assert record is not None
        assert_back_at_the_source(stand, record)

    def test_a_destination_that_dies_silently_stops_the_guests_writes_for_seconds_only(self, stand: Stand) -> None:
        """Its mirrors are ended while the destination is still gone, and the move stays open until it is back."""

        def dies() -> None:
            stand.destination.faults.unreachable = stand.source.images.stalled = True

        stand.source.faults.before_next(Operation.MIRRORED, dies)
        assert carry_out(stand.order(Method.COLD), stand.services()) is None
        ended = [call.operation for call in stand.source.faults.calls].index(Operation.CANCEL_MIRROR)
        assert Operation.REQUEST_SHUTDOWN not in [call.operation for call in stand.source.faults.calls[:ended]]
        assert stand.clock.passed_ns < 60 * 10**9
        assert stand.source.images.mirrored(VM, "vda") is None
        assert stand.fleet.running(VM) == ("tallinn",)
        (entry,) = stand.journal.entries()
        assert entry.mirrored == ()

    def test_so_does_one_that_died_together_with_the_daemon(self, stand: Stand) -> None:
        entry = replace(stand.left_open(Method.COLD, Step.PREPARING), mirrored=("vda",))
        stand.journal.write(entry)
        stand.destination.faults.unreachable = True
        assert take_up(entry, stand.services()) is None
        assert stand.source.faults.made(Operation.CANCEL_MIRROR) == 1

    def test_compared_where_its_spec_says_so(self, stand: Stand) -> None:
        record = move(stand, ColdSpec(compare=True))
        assert "comparing disks" in [phase.name for phase in record.phases]


class TestCopied:
    def test_without_presync_it_is_copied_and_compared_once_it_is_off(self, stand: Stand) -> None:
        record = move(stand, ColdSpec(presync=False))
        assert (record.outcome, record.image_copy) == (Outcome.SUCCEEDED, ImageCopy.NBD)
        names = [phase.name for phase in record.phases]
        assert names == ["preparing", "shutting down", "copying disks", "comparing disks", "defining", "starting"]
        assert arrived(stand) == DISK

    def test_a_vm_that_was_off_is_copied_and_stays_off(self, stand: Stand) -> None:
        stand.source.domains.known[VM].power = Power.SHUT_OFF
        record = move(stand)
        assert (record.outcome, record.image_copy) == (Outcome.SUCCEEDED, ImageCopy.NBD)
        assert (stand.fleet.running(VM), stand.fleet.defined(VM)) == ((), ("skopje",))

    def test_a_copy_that_differs_is_not_started(self, stand: Stand) -> None:
        def flips() -> None:
            stand.destination.pools["vms"].volumes[IMAGE].content = (b"flipped", *DISK[1:])

        stand.source.faults.before_next(Operation.SAME, flips)
        record = move(stand, ColdSpec(presync=False))
        assert_back_at_the_source(stand, record)
        assert "differs from what was sent" in record.reason
        assert stand.destination.faults.made(Operation.DEFINE) == 0

    def test_progress_is_shown(self, stand: Stand) -> None:
        move(stand, ColdSpec(presync=False))
        assert any(one.disk_processed_bytes and one.phase == "copying disks" for one in stand.shown)


class TestAnotherFormatAndKind:
    def test_a_raw_disk_becomes_qcow2(self, stand: Stand) -> None:
        record = move(stand, storage=StorageSpec(format=DiskFormat.QCOW2))
        assert record.outcome is Outcome.SUCCEEDED
        volume = stand.destination.volumes.by_path(f"/var/lib/libvirt/images/{IMAGE}")
        assert volume is not None
        assert volume.format == "qcow2"
        assert 'type="qcow2"' in stand.destination.domains.known[VM].xml

    def test_a_volume_that_its_spec_gives_up_is_overwritten_and_stays_when_the_move_fails(self, stand: Stand) -> None:
        stand.destination.pools["vms"].volumes["spare"] = FakeVolume(
            content=empty("raw", sum(run if isinstance(run, int) else len(run) for run in DISK)), device=True
        )
        storage = StorageSpec(overwrite={"vda": "vms/spare"})
        previewed = stand.order(Method.COLD, storage=storage).plan.adaptation.disks["vda"]
        assert (previewed.kind, previewed.path) == (SourceKind.BLOCK, "/var/lib/libvirt/images/spare")
        stand.destination.faults.fail_next(Operation.START)
        failed = move(stand, storage=storage)
        assert (failed.outcome, stand.volumes_at_destination()) == (Outcome.FAILED, {"spare"})
        assert move(stand, storage=storage).outcome is Outcome.SUCCEEDED
        assert stand.destination.pools["vms"].volumes["spare"].content == DISK
        assert '<source dev="/var/lib/libvirt/images/spare"' in stand.destination.domains.known[VM].xml


class TestForcedOff:
    def test_only_where_its_spec_says_so_and_the_record_tells(self, stand: Stand) -> None:
        stand.source.domains.known[VM].shutdown = Shutdown.IGNORES
        record = move(stand, ColdSpec(shutdown_timeout_s=20, force_off=True))
        assert record.outcome is Outcome.SUCCEEDED
        assert "was powered off" in record.warnings[-1]
        # What is a fault everywhere else is this spec's wish.
        assert stand.fleet.violations == [f"{VM} was destroyed while it ran"]
        stand.fleet.violations.clear()
        assert stand.fleet.running(VM) == ("skopje",)


def test_a_guest_that_is_off_when_it_is_asked_again_has_done_what_was_asked(stand: Stand) -> None:
    stand.source.domains.known[VM].shutdown = Shutdown.IGNORES
    faults, asked = stand.source.faults, Operation.REQUEST_SHUTDOWN
    faults.before_next(asked, lambda: None)
    faults.before_next(asked, lambda: stand.source.domains.power_off(VM))
    record = move(stand)
    assert (record.outcome, record.warnings) == (Outcome.SUCCEEDED, ())
    assert faults.made(asked) == 2


NVRAM = "/var/lib/libvirt/qemu/nvram/guest-01.fd"


class TestMachineFiles:
    """Firmware variables and a TPM's state."""

    @pytest.fixture(autouse=True)
    def with_nvram(self, stand: Stand) -> None:
        domain = stand.source.domains.known[VM]
        domain.xml = domain.xml.replace("</os>", f"<nvram>{NVRAM}</nvram></os>")
        stand.source.machine_files.known[NVRAM] = "boot order"

    def test_they_come_along(self, stand: Stand) -> None:
        assert move(stand).outcome is Outcome.SUCCEEDED
        assert stand.destination.machine_files.known == {NVRAM: "boot order"}

    def test_what_was_not_there_before_goes_when_the_move_fails(self, stand: Stand) -> None:
        stand.destination.faults.fail_next(Operation.START)
        assert_back_at_the_source(stand, move(stand))
        assert stand.destination.machine_files.known == {}
        assert stand.source.machine_files.known == {NVRAM: "boot order"}

    def test_what_was_there_before_stays(self, stand: Stand) -> None:
        stand.destination.machine_files.known[NVRAM] = "older"
        stand.destination.faults.fail_next(Operation.DEFINE)
        assert_back_at_the_source(stand, move(stand))
        assert NVRAM in stand.destination.machine_files.known


class TestTheDefinitionIsEditedMeanwhile:
    def edit(self, stand: Stand, old: str, new: str) -> None:
        def edits() -> None:
            domain = stand.source.domains.known[VM]
            assert old in domain.xml
            stand.source.definitions.define(domain.xml.replace(old, new), autostart=False)

        stand.source.faults.before_next(Operation.REQUEST_SHUTDOWN, edits)

    def test_what_is_no_device_arrives_as_it_was_edited(self, stand: Stand) -> None:
        self.edit(stand, "<vcpu>1</vcpu>", "<vcpu>2</vcpu><title>edited</title>")
        assert move(stand).outcome is Outcome.SUCCEEDED
        assert "<vcpu>2</vcpu><title>edited</title>" in stand.destination.domains.known[VM].xml

    def test_with_another_device_it_runs_on_at_home(self, stand: Stand) -> None:
        self.edit(stand, "<channel", "<interface type='bridge'><source bridge='br-new'/></interface><channel")
        record = move(stand)
        assert_back_at_the_source(stand, record)
        assert "definition were changed while it was moved" in record.reason
        assert "br-new" in stand.source.domains.known[VM].xml
