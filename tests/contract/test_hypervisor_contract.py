"""What every adapter of `Hypervisor` keeps. Each test leaves the stage as it found it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from stage import Stage

from ferryman.fleet.errors import FailureKind, OperationFailedError
from ferryman.fleet.host_facts import Reach
from ferryman.fleet.images import Image
from ferryman.fleet.lifecycle import GuestEvent
from ferryman.fleet.machine import CpuFit, JobKind
from ferryman.fleet.migrating import JobPhase, MemoryTransfer
from ferryman.fleet.ownership import Owner
from ferryman.fleet.storage import BackingImage, Volume
from ferryman.fleet.usage import users
from ferryman.fleet.values import MigrationSide, Off, Power
from ferryman.fleet.xml.domain import interfaces
from ferryman.specs.host_spec import HostSpec

MIB = 1024 * 1024
BARE_VM = "bare-vm"
BARE_XML = (
    f"<domain type='qemu'><name>{BARE_VM}</name><uuid>0d6cf8b4-94b1-4fdb-9c2e-3a7b5f0c1d2e</uuid>"
    "<memory unit='MiB'>32</memory><vcpu>1</vcpu><os><type arch='x86_64' machine='pc'>hvm</type></os></domain>"
)

ANOTHER_INTERFACE = "<devices><interface type='bridge'><source bridge='br-defined'/></interface></devices></domain>"


@pytest.fixture
def bare(stage: Stage) -> Iterator[str]:
    """A VM without disks, defined at the destination and shut off."""
    stage.destination.definitions.define(BARE_XML, autostart=True)
    yield BARE_VM
    stage.destination.power.destroy(BARE_VM)
    stage.destination.definitions.undefine(BARE_VM)


class TestOwnerTags:
    OWNER = Owner(id="4f2a", by='pid 7 on a <"host">', move="m-1", renewed_at=datetime(2026, 11, 23, 12, tzinfo=UTC))

    def test_a_tag_is_written_replaced_and_taken_away(self, stage: Stage) -> None:
        domains, tags = stage.source.domains, stage.source.owner_tags
        assert tags.owner(stage.vm) is None
        tags.tag(stage.vm, self.OWNER)
        assert tags.owner(stage.vm) == domains.inspect(stage.vm).owner == self.OWNER
        later = replace(self.OWNER, id="5e3b", renewed_at=datetime(2026, 11, 23, 13, tzinfo=UTC))
        tags.tag(stage.vm, later)
        assert tags.owner(stage.vm) == later
        tags.untag(stage.vm)
        tags.untag(stage.vm)
        assert tags.owner(stage.vm) is None

    def test_one_that_is_off_has_its_tag_in_its_definition(self, stage: Stage, bare: str) -> None:
        stage.destination.owner_tags.tag(bare, self.OWNER)
        assert stage.destination.owner_tags.owner(bare) == self.OWNER

    def test_of_an_unknown_vm_nobody_is_the_owner(self, stage: Stage) -> None:
        assert stage.source.owner_tags.owner("absent") is None
        stage.source.owner_tags.untag("absent")
        with pytest.raises(OperationFailedError) as failed:
            stage.source.owner_tags.tag("absent", self.OWNER)
        assert failed.value.kind is FailureKind.NOT_FOUND


class TestReading:
    def test_lists_what_runs_and_only_that(self, stage: Stage) -> None:
        here, there = stage.source.read(), stage.destination.read()
        domain = here.domains[stage.vm]
        assert (domain.power, domain.persistent, domain.migration_side) == (Power.RUNNING, True, MigrationSide.NONE)
        assert stage.vm not in there.domains
        assert (here.host, there.host) == (stage.source.name, stage.destination.name)
        assert here.uuid != there.uuid
        assert here.memory_mib > domain.memory_mib > 0

    def test_tells_the_certificates_of_both_ends(self, stage: Stage) -> None:
        here, there = stage.source.read().certificates, stage.describe_destination().certificates
        assert here is not None
        assert there is not None
        assert here.complete
        assert there.complete
        assert not here.faults
        assert there.server is not None
        assert stage.destination_spec.effective_migration_address in there.server.names
        assert there.server.not_before < there.as_of < there.server.not_after
        assert there.server.issuer in here.trusted

    def test_inspects_a_vm_down_to_its_disks_volume(self, stage: Stage) -> None:
        detail = stage.source.domains.inspect(stage.vm)
        (disk,) = detail.disks
        assert detail.domain == stage.source.read().domains[stage.vm]
        assert disk.volume is not None
        assert (disk.target, disk.volume.ref.pool, disk.volume.path) == ("vda", stage.pool, disk.path)
        assert disk.volume == stage.source.volumes.find(disk.volume.ref)
        assert stage.vm in detail.xml
        assert [interface.source for interface in detail.interfaces] == ["kvmbr0"]

    def test_tells_what_runs_and_what_is_defined_apart(self, stage: Stage, bare: str) -> None:
        host = stage.destination
        host.power.start(bare)
        host.definitions.define(BARE_XML.replace("</domain>", ANOTHER_INTERFACE), autostart=False)
        running = host.domains.inspect(bare)
        assert running.interfaces == ()
        assert [one.source for one in interfaces(running.xml)] == ["br-defined"]
        host.power.destroy(bare)
        assert [one.source for one in host.domains.inspect(bare).interfaces] == ["br-defined"]

    def test_describes_pools_and_the_wanted_volumes_that_exist(self, stage: Stage) -> None:
        disk = stage.disk()
        detail = stage.source.describe([disk.ref, stage.ref("absent"), type(disk.ref)(pool="absent", name="x")])
        assert detail.pools[stage.pool].active
        assert detail.volumes == {disk.ref: disk}
        machine = stage.source.domains.inspect(stage.vm).machine
        assert machine in stage.destination.describe([]).machines

    def test_only_bridges_are_bridges(self, stage: Stage) -> None:
        described = stage.source.describe([])
        assert described.bridges is not None
        assert described.links is not None
        (joined,) = stage.source.domains.inspect(stage.vm).interfaces
        assert joined.source in described.bridges
        assert "lo" in described.links - described.bridges
        assert described.links >= described.bridges

    def test_describes_which_vms_use_the_wanted_volumes(self, stage: Stage) -> None:
        disk = stage.disk()
        assert users(disk, stage.source.describe([disk.ref]).disk_paths) == (stage.vm,)
        assert stage.source.describe([stage.ref("absent")]).disk_paths == {}

    def test_knows_a_shut_off_vm_by_a_volume_that_it_names_by_its_pool(self, stage: Stage) -> None:
        volume = stage.destination.volumes.create(stage.ref("contract.named"), format="raw", capacity_bytes=MIB)
        disk = (
            f"<devices><disk type='volume' device='disk'><source pool='{stage.pool}' volume='contract.named'/>"
            "<target dev='vda' bus='virtio'/></disk></devices></domain>"
        )
        stage.destination.definitions.define(BARE_XML.replace("</domain>", disk), autostart=False)
        by = users(volume, stage.destination.describe([volume.ref]).disk_paths)
        stage.destination.definitions.undefine(BARE_VM)
        stage.destination.volumes.delete(volume.ref)
        assert by == (BARE_VM,)

    def test_an_unknown_vm_is_absent_and_cannot_be_inspected(self, stage: Stage) -> None:
        assert stage.source.power.state("absent") is None
        with pytest.raises(OperationFailedError) as failed:
            stage.source.domains.inspect("absent")
        assert failed.value.kind is FailureKind.NOT_FOUND


class TestFit:
    def test_a_host_fits_its_own_vms_and_others_alike(self, stage: Stage) -> None:
        needs = stage.source.domains.inspect(stage.vm).needs
        for host in (stage.source, stage.destination):
            fit = host.fit(needs)
            assert (fit.cpu, fit.emulator, fit.virtualization) == (CpuFit.FITS, True, True)
            assert fit.loaders is not None

    def test_a_processor_passed_through_fits_hosts_alike(self, stage: Stage, bare: str) -> None:
        xml = BARE_XML.replace("</os>", "</os><cpu mode='host-passthrough'/>")
        stage.destination.definitions.define(xml, autostart=False)
        needs = stage.destination.domains.inspect(bare).needs
        assert needs.cpu_passed_through
        assert stage.source.fit(needs).cpu is CpuFit.FITS

    def test_an_emulator_that_is_not_there(self, stage: Stage) -> None:
        needs = replace(stage.source.domains.inspect(stage.vm).needs, emulator="/nowhere/qemu-system-x86_64")
        assert stage.destination.fit(needs).emulator is False

    def test_a_vm_that_only_runs_is_busy_with_nothing(self, stage: Stage) -> None:
        assert stage.source.domains.inspect(stage.vm).job.kind is JobKind.NONE


class TestFromWithin:
    def test_tells_clock_user_folders_and_the_way_to_a_peer(self, stage: Stage) -> None:
        facts = stage.source.facts([stage.peer()])
        assert (facts.host, facts.by_ssh, facts.user) == (stage.source.name, True, "root")
        assert facts.clock is not None
        assert abs(facts.clock.ahead_ms) <= 2000 + facts.clock.error_ms
        assert facts.stp_bridges == frozenset()
        folder = stage.source.describe([]).pools[stage.pool].target_path
        assert facts.folders[folder].open_to_qemu
        assert facts.folders[folder].file_system
        way = facts.peer(stage.destination.name)
        assert (way.libvirtd, way.closed_ports) == (Reach.REACHED, ())

    def test_a_peer_that_is_not_there_is_told_in_words(self, stage: Stage) -> None:
        nowhere = replace(stage.peer(), name="nowhere", uri="qemu+ssh://root@nowhere.invalid/system")
        way = stage.source.facts([nowhere]).peer("nowhere")
        assert way.libvirtd is Reach.FAILED
        assert "resolve" in way.says

    def test_what_was_not_asked_about_is_unknown(self, stage: Stage) -> None:
        assert stage.source.facts([]).peer(stage.destination.name).libvirtd is Reach.UNKNOWN


class TestSurvey:
    def test_tells_what_vms_are_attached_to(self, stage: Stage) -> None:
        survey = stage.source.survey()
        assert [interface.source for interface in survey.attachments[stage.vm]] == ["kvmbr0"]
        assert stage.vm not in stage.destination.survey().attachments
        assert survey.cpu.model == stage.destination.survey().cpu.model != ""
        assert survey.detail.reading.host == stage.source.name


class TestDomains:
    def test_knows_the_paths_that_vms_use(self, stage: Stage, bare: str) -> None:
        assert stage.disk().path in stage.source.domains.disk_paths()[stage.vm]
        assert stage.destination.domains.disk_paths()[bare] == frozenset()

    def test_what_is_gone_already_is_no_error(self, stage: Stage) -> None:
        stage.source.definitions.disarm("absent")
        stage.source.definitions.undefine("absent")
        stage.source.power.destroy("absent")
        stage.source.migrations.abort("absent")
        assert stage.source.power.state("absent") is None

    def test_what_needs_a_vm_refuses_without(self, stage: Stage) -> None:
        power = stage.source.power
        for call in (power.start, stage.source.definitions.arm, power.request_shutdown, power.resume):
            with pytest.raises(OperationFailedError) as failed:
                call("absent")
            assert failed.value.kind is FailureKind.NOT_FOUND

    def test_defined_is_shut_off_persistent_and_armed_as_asked(self, stage: Stage, bare: str) -> None:
        domain = stage.destination.read().domains[bare]
        assert (domain.power, domain.persistent, domain.memory_mib) == (Power.SHUT_OFF, True, 32)
        assert stage.destination.domains.inspect(bare).autostart

    def test_disarms_and_arms(self, stage: Stage, bare: str) -> None:
        stage.destination.definitions.disarm(bare)
        assert not stage.destination.domains.inspect(bare).autostart
        stage.destination.definitions.arm(bare)
        assert stage.destination.domains.inspect(bare).autostart

    def test_defining_again_replaces_the_definition(self, stage: Stage, bare: str) -> None:
        stage.destination.definitions.define(BARE_XML, autostart=False)
        assert not stage.destination.domains.inspect(bare).autostart

    def test_starts_once_and_is_destroyed_as_often_as_asked(self, stage: Stage, bare: str) -> None:
        power = stage.destination.power
        power.start(bare)
        assert power.state(bare) is Power.RUNNING
        with pytest.raises(OperationFailedError):
            power.start(bare)
        power.destroy(bare)
        power.destroy(bare)
        assert stage.destination.read().domains[bare].off is Off.ENDED
        assert power.state(bare) is Power.SHUT_OFF

    def test_undefining_what_runs_leaves_it_running_without_a_definition(self, stage: Stage, bare: str) -> None:
        stage.destination.power.start(bare)
        stage.destination.definitions.undefine(bare)
        domain = stage.destination.read().domains[bare]
        assert (domain.power, domain.persistent) == (Power.RUNNING, False)
        stage.destination.power.destroy(bare)
        assert stage.destination.power.state(bare) is None

    def test_watches_how_fast_a_running_guest_writes(self, stage: Stage, bare: str) -> None:
        seen = stage.source.domains.dirty_rate(stage.vm)
        assert seen is not None
        assert 0 <= seen.bytes_s < 1024 * MIB
        assert stage.destination.domains.dirty_rate(bare) is None
        with pytest.raises(OperationFailedError) as failed:
            stage.source.domains.dirty_rate("absent")
        assert failed.value.kind is FailureKind.NOT_FOUND

    def test_only_a_paused_vm_is_resumed(self, stage: Stage) -> None:
        with pytest.raises(OperationFailedError):
            stage.source.power.resume(stage.vm)

    def test_tells_of_a_guests_life_in_order_and_when(self, stage: Stage, bare: str) -> None:
        host, domains, power = stage.destination, stage.destination.domains, stage.destination.power
        uuid, began_ns = domains.inspect(bare).domain.uuid, time.monotonic_ns()
        for step in (power.start, power.suspend, power.resume, power.destroy):
            step(bare)
        changes = stage.told(host, uuid, began_ns, GuestEvent.STOPPED)
        times_ns = [event.at_ns for event in domains.lifecycle(uuid, began_ns)]
        suspended = changes.index(GuestEvent.SUSPENDED)
        assert GuestEvent.STARTED in changes[:suspended]
        assert changes[suspended + 1] is GuestEvent.RESUMED
        assert changes[-1] is GuestEvent.STOPPED
        assert began_ns <= times_ns[0] <= times_ns[-1] <= time.monotonic_ns()
        assert times_ns == sorted(times_ns)
        assert domains.lifecycle(uuid, times_ns[-1] + 1) == ()

    def test_only_a_running_guest_is_announced(self, stage: Stage, bare: str) -> None:
        domains, power = stage.destination.domains, stage.destination.power
        with pytest.raises(OperationFailedError, match="does not run"):
            domains.announce(bare)
        power.start(bare)
        for _ in range(2):
            domains.announce(bare)
        power.suspend(bare)
        with pytest.raises(OperationFailedError, match="does not run"):
            domains.announce(bare)

    def test_the_guest_powers_itself_off_when_asked(self, stage: Stage) -> None:
        stage.source.power.request_shutdown(stage.vm)
        stage.eventually(Power.SHUT_OFF)
        assert stage.source.read().domains[stage.vm].off is Off.SHUT_DOWN
        with pytest.raises(OperationFailedError):
            stage.source.power.request_shutdown(stage.vm)
        stage.source.power.start(stage.vm)
        assert stage.source.power.state(stage.vm) is Power.RUNNING


class TestDrives:
    @pytest.fixture
    def drive(self, stage: Stage) -> Iterator[str]:
        """A VM with an image in its CD-ROM drive, defined at the destination and shut off; returns the image's path."""
        image = stage.destination.volumes.create(stage.ref("contract.iso"), format="raw", capacity_bytes=MIB)
        disk = (
            f"<devices><disk type='file' device='cdrom'><driver name='qemu' type='raw'/><source file='{image.path}'/>"
            "<target dev='hda' bus='ide'/><readonly/></disk></devices></domain>"
        )
        stage.destination.definitions.define(BARE_XML.replace("</domain>", disk), autostart=False)
        yield image.path
        stage.destination.power.destroy(BARE_VM)
        stage.destination.definitions.undefine(BARE_VM)
        stage.destination.volumes.delete(image.ref)

    @pytest.mark.parametrize("running", [True, False])
    def test_a_medium_is_ejected_and_put_back_as_it_was(self, stage: Stage, drive: str, *, running: bool) -> None:
        domains, drives = stage.destination.domains, stage.destination.drives
        if running:
            stage.destination.power.start(BARE_VM)
            # A BIOS resets its drives, which shuts an open tray without libvirt hearing of it; a paused one does not.
            stage.destination.power.suspend(BARE_VM)
        (medium,) = drives.media(BARE_VM)
        assert (medium.target, medium.path, bool(medium.running), bool(medium.defined)) == ("hda", drive, running, True)
        for _ in range(2):
            drives.eject(BARE_VM, medium)
            assert drives.media(BARE_VM) == ()
            assert [disk.path for disk in domains.inspect(BARE_VM).disks] == [""]
        for _ in range(2):
            drives.insert(BARE_VM, medium)
            assert drives.media(BARE_VM) == (medium,)

    def test_a_vm_without_drives_has_no_media(self, stage: Stage) -> None:
        assert stage.source.drives.media(stage.vm) == ()


class TestReadOnlyDisks:
    """A live migration copies none, and planning refuses it by name; a mirror takes them as any other."""

    @pytest.fixture
    def volume(self, stage: Stage) -> Iterator[Volume]:
        """The only disk of a VM that runs at the source, with its twin at the destination."""
        ref, power = stage.ref("contract-read-only.img"), stage.source.power
        volume = stage.source.volumes.create(ref, format="raw", capacity_bytes=MIB)
        stage.destination.volumes.create(ref, format="raw", capacity_bytes=MIB)
        disk = (
            f"<devices><disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='{volume.path}'/>"
            "<target dev='vda' bus='virtio'/><readonly/></disk></devices></domain>"
        )
        stage.source.definitions.define(BARE_XML.replace("</domain>", disk), autostart=False)
        power.start(BARE_VM)
        yield volume
        power.destroy(BARE_VM)
        stage.source.definitions.undefine(BARE_VM)
        stage.source.volumes.delete(ref)
        stage.destination.volumes.delete(ref)

    @pytest.mark.usefixtures("volume")
    def test_a_live_migration_refuses_to_copy_one(self, stage: Stage) -> None:
        assert stage.source.domains.inspect(BARE_VM).disks[0].read_only
        # The destination's log has the reason; to the caller libvirt 9.0 says "End of file while reading data".
        with pytest.raises(OperationFailedError):
            stage.source.migrations.migrate(replace(stage.request(), vm=BARE_VM))
        assert stage.source.power.state(BARE_VM) is Power.RUNNING
        assert stage.destination.power.state(BARE_VM) is None

    def test_a_mirror_takes_one(self, stage: Stage, volume: Volume) -> None:
        twin = stage.destination.volumes.find(volume.ref)
        assert twin is not None
        with stage.served(twin) as export:
            stage.source.images.mirror(BARE_VM, "vda", export, bandwidth_mib_s=0)
            assert stage.until(
                lambda: (seen := stage.source.images.mirrored(BARE_VM, "vda")) is not None and seen.ready
            )
            stage.source.images.cancel_mirror(BARE_VM, "vda")


class TestVolumes:
    @pytest.mark.parametrize("image_format", ["raw", "qcow2"])
    def test_creates_sparse_once_and_deletes_as_often_as_asked(self, stage: Stage, image_format: str) -> None:
        volumes, ref = stage.destination.volumes, stage.ref("contract.img")
        created = volumes.create(ref, format=image_format, capacity_bytes=8 * MIB)
        assert created == volumes.find(ref)
        assert (created.format, created.capacity_bytes, created.backing) == (image_format, 8 * MIB, False)
        assert created.allocation_bytes < MIB
        with pytest.raises(OperationFailedError) as failed:
            volumes.create(ref, format=image_format, capacity_bytes=MIB)
        assert failed.value.kind is FailureKind.EXISTS
        volumes.delete(ref)
        volumes.delete(ref)
        assert volumes.find(ref) is None

    def test_a_layer_lies_over_its_image(self, stage: Stage) -> None:
        volumes, base, layer = stage.destination.volumes, stage.ref("contract.base"), stage.ref("contract.qcow2")
        below = volumes.create(base, format="raw", capacity_bytes=8 * MIB)
        over = BackingImage(path=below.path, format="raw")
        created = volumes.create(layer, format="qcow2", capacity_bytes=8 * MIB, over=over)
        described = stage.destination.describe([layer], [below.path, "/nowhere/at.all"])
        volumes.delete(layer)
        volumes.delete(base)
        assert (created.backing, created.over, below.over) == (True, over, None)
        assert (described.volumes, described.images) == ({layer: created}, {below.path: below})

    def test_an_unknown_pool_is_not_an_absent_volume(self, stage: Stage) -> None:
        with pytest.raises(OperationFailedError) as failed:
            stage.source.volumes.find(type(stage.ref(""))(pool="absent", name="x"))
        assert failed.value.kind is FailureKind.NOT_FOUND

    def test_holes_stay_holes_on_the_way_up_and_down(self, stage: Stage) -> None:
        volumes, ref = stage.destination.volumes, stage.ref("contract.img")
        sent: list[bytes | int] = [b"a" * MIB, 4 * MIB, b"b" * MIB, 2 * MIB]
        volumes.create(ref, format="raw", capacity_bytes=8 * MIB)
        volumes.upload(ref, iter(sent))
        with volumes.download(ref) as reader:
            came = list(reader.runs())
        uploaded = volumes.find(ref)
        volumes.delete(ref)
        assert b"".join(bytes(run) if isinstance(run, int) else run for run in came) == b"".join(
            bytes(run) if isinstance(run, int) else run for run in sent
        )
        assert sum(run for run in came if isinstance(run, int)) == 6 * MIB
        assert uploaded is not None
        assert uploaded.physical_bytes == 8 * MIB
        assert uploaded.allocation_bytes < 3 * MIB

    def test_an_image_that_grew_is_taken_whole(self, stage: Stage) -> None:
        volumes, ref = stage.destination.volumes, stage.ref("contract.img")
        volumes.create(ref, format="raw", capacity_bytes=MIB)
        volumes.upload(ref, iter([b"a" * MIB, MIB, b"c" * MIB]))
        uploaded = volumes.find(ref)
        volumes.delete(ref)
        assert uploaded is not None
        assert uploaded.physical_bytes == 3 * MIB

    def test_a_source_that_breaks_off_is_told(self, stage: Stage) -> None:
        def breaks() -> Iterator[bytes | int]:
            yield b"a" * MIB
            raise OperationFailedError(FailureKind.OTHER, "the other side broke off", "Try again.")

        volumes, ref = stage.destination.volumes, stage.ref("contract.img")
        volumes.create(ref, format="raw", capacity_bytes=MIB)
        with pytest.raises(OperationFailedError, match="broke off"):
            volumes.upload(ref, breaks())
        volumes.delete(ref)

    def test_neither_reads_nor_writes_what_is_absent(self, stage: Stage) -> None:
        volumes, ref = stage.source.volumes, stage.ref("absent")
        with pytest.raises(OperationFailedError) as failed, volumes.download(ref):
            pass
        assert failed.value.kind is FailureKind.NOT_FOUND
        with pytest.raises(OperationFailedError) as failed:
            volumes.upload(ref, iter([b"a"]))
        assert failed.value.kind is FailureKind.NOT_FOUND


CONTENT: tuple[bytes | int, ...] = (b"a" * MIB, 4 * MIB, b"b" * MIB, 2 * MIB)


def unheard(_share: float) -> None:
    """Nobody asks how far it is."""


class TestImages:
    @pytest.mark.parametrize("image_format", ["raw", "qcow2"])
    def test_what_is_copied_is_the_same_whatever_its_format_there(self, stage: Stage, image_format: str) -> None:
        shares: list[float] = []
        with stage.filled_volume(CONTENT) as sent, stage.empty_volume(image_format, 8 * MIB) as arrived:
            image = Image(path=sent.path, format="raw")
            with stage.served(arrived) as export:
                before = stage.source.images.same(image, export, told=unheard)
                stage.source.images.copy(image, export, bandwidth_mib_s=0, told=shares.append)
                after = stage.source.images.same(image, export, told=unheard)
            there = stage.destination.volumes.find(arrived.ref)
        assert (before, after) == (False, True)
        assert shares[-1] == 1
        assert there is not None
        assert there.allocation_bytes < 3 * MIB

    def test_an_export_that_is_gone_or_not_the_expected_hosts_is_not_reached(self, stage: Stage) -> None:
        images, address = stage.source.images, stage.destination_spec.effective_migration_address
        with stage.empty_volume("qcow2", 8 * MIB) as arrived:
            with stage.served(arrived) as export:
                images.reach(export)
                images.reach(export)
            with pytest.raises(OperationFailedError):
                images.reach(export)
            with stage.served(arrived, address) as export:
                images.reach(export)
            with stage.served(arrived, "stranger.invalid") as export, pytest.raises(OperationFailedError):
                images.reach(export)

    def test_under_tls_only_the_expected_host_is_given_anything(self, stage: Stage) -> None:
        address = stage.destination_spec.effective_migration_address
        with stage.filled_volume(CONTENT) as sent, stage.empty_volume("raw", 8 * MIB) as arrived:
            image = Image(path=sent.path, format="raw")
            with stage.served(arrived, "stranger.invalid") as export, pytest.raises(OperationFailedError):
                stage.source.images.copy(image, export, bandwidth_mib_s=0, told=unheard)
            with stage.served(arrived, address) as export:
                untouched = stage.source.images.same(image, export, told=unheard)
                stage.source.images.copy(image, export, bandwidth_mib_s=0, told=unheard)
                came = stage.source.images.same(image, export, told=unheard)
        assert (untouched, came) == (False, True)

    def test_what_the_listener_raises_ends_the_copy(self, stage: Stage) -> None:
        def breaks(_share: float) -> None:
            raise OperationFailedError(FailureKind.OTHER, "the daemon was stopped", "Start it again.")

        with (
            stage.filled_volume(CONTENT) as sent,
            stage.empty_volume("raw", 8 * MIB) as arrived,
            stage.served(arrived) as export,
            pytest.raises(OperationFailedError, match="the daemon was stopped"),
        ):
            stage.source.images.copy(Image(path=sent.path, format="raw"), export, bandwidth_mib_s=0, told=breaks)

    @pytest.mark.parametrize("tls", [False, True])
    def test_a_running_vms_disk_is_mirrored_until_that_is_ended(self, stage: Stage, *, tls: bool) -> None:
        images, tls_name = stage.source.images, stage.destination_spec.effective_migration_address if tls else ""
        with stage.twin_volume() as twin, stage.served(twin, tls_name) as export:
            images.mirror(stage.vm, "vda", export, bandwidth_mib_s=0)
            ready = stage.until(lambda: (found := images.mirrored(stage.vm, "vda")) is not None and found.ready)
            images.cancel_mirror(stage.vm, "vda")
            images.cancel_mirror(stage.vm, "vda")
            after = images.mirrored(stage.vm, "vda")
        assert ready
        assert (after, images.mirror_broke(stage.vm, "vda")) == (None, False)
        assert stage.source.power.state(stage.vm) is Power.RUNNING

    def test_a_mirror_that_lasts_until_the_vm_is_off_did_not_break_and_one_that_somebody_aborts_did(
        self, stage: Stage
    ) -> None:
        broke, images = [], stage.source.images
        for aborted in (False, True):
            with stage.twin_volume() as twin, stage.served(twin) as export:
                images.mirror(stage.vm, "vda", export, bandwidth_mib_s=0)
                assert stage.until(lambda: (found := images.mirrored(stage.vm, "vda")) is not None and found.ready)
                if aborted:
                    stage.abort_block_job(stage.vm, "vda")
                    assert images.mirrored(stage.vm, "vda") is None
                stage.until_off()
                broke.append(images.mirror_broke(stage.vm, "vda"))
            stage.source.power.start(stage.vm)
            stage.eventually(Power.RUNNING)
        assert broke == [False, True]

    def test_no_mirror_is_begun_into_a_strangers_volume(self, stage: Stage) -> None:
        with stage.twin_volume() as twin, stage.served(twin, "stranger.invalid") as export:
            with pytest.raises(OperationFailedError):
                stage.source.images.mirror(stage.vm, "vda", export, bandwidth_mib_s=0)
            assert stage.source.images.mirrored(stage.vm, "vda") is None


class TestMachineFiles:
    NVRAM = "/var/lib/libvirt/qemu/nvram/contract_VARS.fd"
    TPM = "/var/lib/libvirt/swtpm/contract"

    @pytest.fixture
    def written(self, stage: Stage) -> Iterator[tuple[str, ...]]:
        """A file and a folder of the source; gone from both hosts afterwards."""
        paths = (self.NVRAM, self.TPM)
        stage.write_file(self.NVRAM, "boot order")
        stage.write_file(f"{self.TPM}/tpm2/state", "sealed")
        yield paths
        for host in (stage.source, stage.destination):
            host.machine_files.remove(paths)

    def test_files_and_folders_arrive_as_they_were(self, stage: Stage, written: tuple[str, ...]) -> None:
        here, there = stage.source.machine_files, stage.destination.machine_files
        assert (here.absent(written), there.absent(written)) == (frozenset(), frozenset(written))
        sent = here.fetch(written)
        there.store(sent)
        assert there.absent(written) == frozenset()
        assert there.fetch(written) == sent

    def test_what_is_there_is_replaced(self, stage: Stage, written: tuple[str, ...]) -> None:
        there = stage.destination.machine_files
        there.store(stage.source.machine_files.fetch(written))
        stage.write_file(self.NVRAM, "another boot order")
        newer = stage.source.machine_files.fetch([self.NVRAM])
        there.store(newer)
        assert there.fetch([self.NVRAM]) == newer

    def test_what_the_host_does_not_have_is_left_out(self, stage: Stage, written: tuple[str, ...]) -> None:
        here, there = stage.source.machine_files, stage.destination.machine_files
        assert here.fetch([*written, "/nowhere/at.all"]) == here.fetch(written)
        there.store(here.fetch(["/nowhere/at.all"]))
        assert there.absent(written) == frozenset(written)

    def test_removes_as_often_as_asked(self, stage: Stage, written: tuple[str, ...]) -> None:
        for _ in range(2):
            stage.source.machine_files.remove(written)
            assert stage.source.machine_files.absent(written) == frozenset(written)


class TestMigrations:
    def test_no_job_is_none_and_its_abort_no_error(self, stage: Stage) -> None:
        assert stage.source.migrations.job(stage.vm).phase is JobPhase.NONE
        assert stage.source.migrations.job("absent").phase is JobPhase.NONE
        stage.source.migrations.abort(stage.vm)
        assert stage.source.power.state(stage.vm) is Power.RUNNING

    def test_one_that_cannot_begin_leaves_the_source_running_and_the_destination_empty(self, stage: Stage) -> None:
        nowhere = replace(stage.request(), peer_uri="qemu+ssh://root@nowhere.invalid/system")
        without_its_disk = replace(stage.request(), copied_disks=())
        for request in (nowhere, without_its_disk):
            with pytest.raises(OperationFailedError):
                stage.source.migrations.migrate(request)
            assert stage.source.power.state(stage.vm) is Power.RUNNING
            assert stage.destination.power.state(stage.vm) is None

    def test_under_tls_only_the_expected_host_is_given_anything(self, stage: Stage) -> None:
        address = stage.destination_spec.effective_migration_address
        with stage.twin_volume():
            stranger = replace(stage.request(), tls=True, tls_name="stranger.invalid")
            with pytest.raises(OperationFailedError):
                stage.source.migrations.migrate(stranger)
            assert stage.source.power.state(stage.vm) is Power.RUNNING
            assert stage.destination.power.state(stage.vm) is None
            stage.source.migrations.migrate(replace(stage.request(), tls=True, tls_name=address, connections=2))
            there = stage.destination.power.state(stage.vm)
            stage.destination.power.destroy(stage.vm)
            stage.destination.definitions.undefine(stage.vm)
        stage.source.power.start(stage.vm)
        assert there is Power.RUNNING

    def test_moves_to_the_destination_and_stays_defined_at_the_source(self, stage: Stage) -> None:
        disk = stage.disk()
        uuid = stage.source.domains.inspect(stage.vm).domain.uuid
        began_ns = time.monotonic_ns()
        with stage.twin_volume():
            stage.source.migrations.set_max_downtime(stage.vm, 200)
            stage.source.migrations.set_max_bandwidth(stage.vm, 100)
            stage.source.migrations.migrate(stage.request())
            told_here = stage.told(stage.source, uuid, began_ns, GuestEvent.STOPPED)
            told_there = stage.told(stage.destination, uuid, began_ns, GuestEvent.RESUMED)
            here = stage.source.read().domains[stage.vm]
            there = stage.destination.read().domains[stage.vm]
            finished = stage.destination.migrations.completed_job(stage.vm)
            detail = stage.destination.domains.inspect(stage.vm)
            # Back to how it was, before anything is asserted: the other tests need the stage.
            stage.destination.power.destroy(stage.vm)
            stage.destination.definitions.undefine(stage.vm)
            stage.source.power.start(stage.vm)
        assert (here.power, here.persistent) == (Power.SHUT_OFF, True)
        assert (there.power, there.persistent, there.uuid) == (Power.RUNNING, True, here.uuid)
        assert there.migration_side is MigrationSide.NONE
        assert finished is not None
        assert finished.downtime_ms is not None
        assert finished.memory_total_bytes > 0
        assert told_here.index(GuestEvent.SUSPENDED) < told_here.index(GuestEvent.STOPPED)
        assert told_there.index(GuestEvent.INCOMING) < told_there.index(GuestEvent.RESUMED)
        assert GuestEvent.STARTED not in told_there
        assert [disk.path for disk in detail.disks] == [disk.path]
        assert not detail.autostart


class TestDrivenByUs:
    def test_one_that_we_would_drive_towards_a_host_that_we_do_not_reach_does_not_begin(self, stage: Stage) -> None:
        nowhere = HostSpec(name="nowhere", uri="qemu+ssh://root@nowhere.invalid/system")
        with stage.twin_volume(), pytest.raises(OperationFailedError):
            stage.source.migrations.migrate(stage.request(), nowhere)
        assert stage.source.power.state(stage.vm) is Power.RUNNING
        assert stage.source.migrations.job(stage.vm).phase is JobPhase.NONE

    @pytest.mark.parametrize("memory", [MemoryTransfer.PRE_COPY, MemoryTransfer.PAUSED])
    def test_one_that_we_drive_needs_no_way_between_the_libvirtds(self, stage: Stage, memory: MemoryTransfer) -> None:
        barred = replace(stage.request(), peer_uri="qemu+ssh://root@nowhere.invalid/system", memory=memory)
        with stage.twin_volume():
            stage.source.migrations.migrate(barred, stage.destination.spec)
            here = stage.source.read().domains[stage.vm]
            there = stage.destination.read().domains[stage.vm]
            stage.destination.power.destroy(stage.vm)
            stage.destination.definitions.undefine(stage.vm)
            stage.source.power.start(stage.vm)
        assert (here.power, here.persistent) == (Power.SHUT_OFF, True)
        assert (there.power, there.persistent, there.uuid) == (Power.RUNNING, True, here.uuid)
