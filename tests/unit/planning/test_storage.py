"""How each disk gets to the destination, and what stands against it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from readings import DISK_REF, UUID, detail, disk, host_detail, pool, volume

from ferryman.fleet.storage import DiskDevice, Volume, VolumeRef
from ferryman.fleet.values import DomainDetail, HostDetail, Power
from ferryman.planning.findings import FindingCode, Severity
from ferryman.planning.leftover import Leftover
from ferryman.planning.plans import DiskTransfer
from ferryman.planning.storage import destination_refs, disk_plans
from ferryman.specs.choices import StorageMode
from ferryman.specs.vm_spec import StorageSpec

COPY = StorageSpec()
OURS = {DISK_REF: Leftover(host="skopje", ref=DISK_REF, vm_uuid=UUID)}


class TestCopying:
    def test_a_disk_goes_into_the_pool_of_the_same_name(self) -> None:
        plans, findings = disk_plans(detail(), COPY, host_detail(), {})
        assert findings == ()
        assert [(plan.target, plan.transfer, plan.destination) for plan in plans] == [
            ("vda", DiskTransfer.COPY, DISK_REF)
        ]
        assert not plans[0].replaces_leftover

    def test_or_into_the_pool_that_its_spec_maps_it_to(self) -> None:
        spec = StorageSpec(pools={"vms": "fast"})
        assert destination_refs(detail(), spec) == (VolumeRef(pool="fast", name=DISK_REF.name),)
        plans, findings = disk_plans(detail(), spec, host_detail("skopje", pool("fast")), {})
        assert (plans[0].destination.pool, findings) == ("fast", ())

    def test_empty_drives_media_and_network_disks_are_not_copied(self) -> None:
        looked_at = detail(
            disk(),
            disk("sda", device=DiskDevice.CDROM),
            disk("sdb", source_kind=""),
            disk("vdb", source_kind="network", volume=None),
        )
        plans, findings = disk_plans(looked_at, COPY, host_detail(), {})
        assert ([plan.target for plan in plans], findings) == (["vda"], ())

    @pytest.mark.parametrize(
        ("looked_at", "there", "code", "remedy"),
        [
            (detail(), host_detail("skopje", pool("other")), FindingCode.POOL_MISSING, "[storage] pools"),
            (detail(), host_detail("skopje", pool(active=False)), FindingCode.POOL_INACTIVE, "virsh pool-start vms"),
            (detail(disk(volume=None)), host_detail(), FindingCode.VOLUME_UNKNOWN, "virsh pool-define-as"),
            (detail(disk(backing=True)), host_detail(), FindingCode.BACKING_CHAIN, "virsh blockpull"),
            (detail(disk(held=volume(backing=True))), host_detail(), FindingCode.BACKING_CHAIN, "virsh blockpull"),
            (detail(), host_detail("skopje", volumes=(volume(),)), FindingCode.VOLUME_EXISTS, "virsh vol-delete"),
            (detail(), host_detail("skopje", pool(available_mib=9)), FindingCode.SPACE_SHORT, "Free space on skopje"),
        ],
        ids=lambda value: value.value if isinstance(value, FindingCode) else "",
    )
    def test_each_obstacle_comes_with_its_remedy(
        self, looked_at: DomainDetail, there: HostDetail, code: FindingCode, remedy: str
    ) -> None:
        _, findings = disk_plans(looked_at, COPY, there, {})
        blockers = [finding for finding in findings if finding.severity is Severity.BLOCKER]
        assert [finding.code for finding in blockers] == [code]
        assert remedy in blockers[0].remedy

    def test_a_mapped_pool_that_is_missing_is_told_with_the_pool_that_is_mapped_to_it(self) -> None:
        _, (finding,) = disk_plans(detail(), StorageSpec(pools={"vms": "fast"}), host_detail("skopje"), {})
        assert finding.reason.endswith("has no storage pool fast (it has: vms); vms is mapped to it")
        assert '[storage] pools = { vms = "POOL" }' in finding.remedy
        assert "hosts/skopje.toml, where [arrivals] maps it" in finding.remedy

    @pytest.mark.parametrize(
        ("path", "define"),
        [
            ("/srv/a/b.img", "virsh pool-define-as NAME dir --target /srv/a && virsh pool-start NAME"),
            (
                "/dev/vg0/x",
                "virsh pool-define-as vg0 logical --source-name vg0 --target /dev/vg0 && virsh pool-start vg0",
            ),
            ("/dev/mapper/vg0-x", "virsh pool-define-as NAME logical --source-name GROUP"),
            ("/dev/sdb", "virsh pool-define-as NAME logical --source-name GROUP"),
        ],
    )
    def test_what_holds_a_disk_is_made_a_pool_of_its_kind(self, path: str, define: str) -> None:
        _, (finding,) = disk_plans(detail(disk(volume=None, path=path)), COPY, host_detail(), {})
        assert define in finding.remedy

    def test_several_obstacles_are_told_at_once(self) -> None:
        looked_at = detail(disk(backing=True), disk("vdb", held=volume(VolumeRef(pool="gone", name="b"))))
        _, findings = disk_plans(looked_at, COPY, host_detail(), {})
        assert {finding.code for finding in findings} == {FindingCode.BACKING_CHAIN, FindingCode.POOL_MISSING}


class TestLeftovers:
    def test_what_an_audit_record_names_as_left_by_this_very_vm_is_replaced(self) -> None:
        plans, findings = disk_plans(detail(), COPY, host_detail("skopje", volumes=(volume(),)), OURS)
        assert (plans[0].replaces_leftover, findings) == (True, ())

    def test_what_another_vm_of_the_same_name_left_is_not(self) -> None:
        theirs = {DISK_REF: Leftover(host="skopje", ref=DISK_REF, vm_uuid="another")}
        _, findings = disk_plans(detail(), COPY, host_detail("skopje", volumes=(volume(),)), theirs)
        assert [finding.code for finding in findings] == [FindingCode.VOLUME_EXISTS]

    def test_what_a_held_attempt_created_is_told_of_with_that_attempt_and_stays(self) -> None:
        doubtful = {DISK_REF: replace(OURS[DISK_REF], in_doubt="20261123T120000Z-guest-01-4454")}
        _, (finding,) = disk_plans(detail(), COPY, host_detail("skopje", volumes=(volume(),)), doubtful)
        assert finding.code is FindingCode.VOLUME_EXISTS
        assert "left for a person to decide (20261123T120000Z-guest-01-4454)" in finding.reason
        assert "virsh vol-delete" in finding.remedy

    def test_a_leftover_that_is_gone_needs_no_replacing(self) -> None:
        plans, findings = disk_plans(detail(), COPY, host_detail(), OURS)
        assert (plans[0].replaces_leftover, findings) == (False, ())

    def test_its_room_counts_as_free(self) -> None:
        there = host_detail("skopje", pool(available_mib=60), volumes=(volume(allocated_mib=10),))
        _, findings = disk_plans(detail(), COPY, there, OURS)
        assert findings == ()


class TestSpace:
    def test_what_the_disks_may_grow_to_is_a_warning(self) -> None:
        _, findings = disk_plans(detail(), COPY, host_detail("skopje", pool(available_mib=20)), {})
        assert [(finding.code, finding.severity) for finding in findings] == [
            (FindingCode.SPACE_SHORT, Severity.WARNING)
        ]

    def test_a_logical_volume_takes_all_of_its_size_at_once(self) -> None:
        there = host_detail("skopje", replace(pool(available_mib=20), kind="logical"))
        _, findings = disk_plans(detail(), COPY, there, {})
        assert [finding.severity for finding in findings] == [Severity.BLOCKER]

    def test_a_disk_that_is_not_of_whole_extents_does_not_become_a_logical_volume(self) -> None:
        odd = volume()
        odd = replace(odd, capacity_bytes=odd.capacity_bytes + 512)
        there = host_detail("skopje", replace(pool(), kind="logical"))
        _, findings = disk_plans(detail(disk(held=odd)), COPY, there, {})
        assert [finding.code for finding in findings] == [FindingCode.VOLUME_UNFIT]
        assert "virsh blockresize guest-01 vda 68M" in findings[0].remedy
        assert "vgs -o vg_extent_size" in findings[0].remedy
        _, findings = disk_plans(detail(disk(held=odd), power=Power.SHUT_OFF), COPY, there, {})
        assert f"virsh vol-resize {odd.ref.name} 68M --pool vms" in findings[0].remedy

    def test_all_disks_of_a_pool_count_together(self) -> None:
        looked_at = detail(disk(), disk("vdb", held=volume(VolumeRef(pool="vms", name="b"))))
        _, findings = disk_plans(looked_at, COPY, host_detail("skopje", pool(available_mib=15)), {})
        assert [finding.severity for finding in findings] == [Severity.BLOCKER]


class TestSharing:
    def test_a_network_pool_that_shows_the_volume_at_both_ends_is_shared(self) -> None:
        there = host_detail("skopje", pool(kind="netfs"), volumes=(volume(),))
        plans, findings = disk_plans(detail(), COPY, there, {})
        assert ([plan.transfer for plan in plans], findings) == ([DiskTransfer.SHARED], ())
        assert not plans[0].replaces_leftover
        assert plans[0].shared_by_looks

    def test_what_a_record_names_as_left_there_is_not_taken_for_the_disk_itself(self) -> None:
        there = host_detail("skopje", pool(kind="netfs"), volumes=(volume(),))
        plans, findings = disk_plans(detail(), COPY, there, OURS)
        assert ([plan.transfer for plan in plans], findings) == ([DiskTransfer.COPY], ())
        assert plans[0].replaces_leftover

    def test_what_another_vm_left_there_is_in_the_way(self) -> None:
        theirs = {DISK_REF: Leftover(host="skopje", ref=DISK_REF, vm_uuid="another")}
        there = host_detail("skopje", pool(kind="netfs"), volumes=(volume(),))
        _, findings = disk_plans(detail(), COPY, there, theirs)
        assert [finding.code for finding in findings] == [FindingCode.VOLUME_EXISTS]

    def test_a_shared_disk_takes_no_room(self) -> None:
        there = host_detail("skopje", pool(kind="netfs", available_mib=0), volumes=(volume(),))
        assert disk_plans(detail(), COPY, there, {})[1] == ()

    def test_a_plain_folder_that_shows_a_volume_of_this_name_is_not_taken_for_shared(self) -> None:
        there = host_detail("skopje", volumes=(volume(),))
        plans, findings = disk_plans(detail(), COPY, there, {})
        assert plans[0].transfer is DiskTransfer.COPY
        assert [finding.code for finding in findings] == [FindingCode.VOLUME_EXISTS]

    @pytest.mark.parametrize("seen", [(), (volume(capacity_mib=65),)], ids=["absent", "of another size"])
    def test_storage_called_shared_that_is_not_is_refused(self, seen: tuple[Volume, ...]) -> None:
        spec = StorageSpec(mode=StorageMode.SHARED)
        there = host_detail("skopje", volumes=seen)
        plans, findings = disk_plans(detail(), spec, there, {})
        assert plans[0].transfer is DiskTransfer.SHARED
        assert [finding.code for finding in findings] == [FindingCode.STORAGE_NOT_SHARED]

    def test_shared_as_its_spec_says_and_both_ends_agree(self) -> None:
        spec = StorageSpec(mode=StorageMode.SHARED)
        plans, findings = disk_plans(detail(), spec, host_detail("skopje", volumes=(volume(),)), OURS)
        assert findings == ()
        assert not plans[0].shared_by_looks
