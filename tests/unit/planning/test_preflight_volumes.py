"""Volumes at the destination that copied disks would take: none that a VM uses, and none twice."""

from __future__ import annotations

from dataclasses import replace

import pytest
from readings import DISK_REF, UUID, VM, detail, disk, ends, fleet, host_detail, pool, vm_spec, volume

from ferryman.fleet.storage import VolumeRef
from ferryman.fleet.values import DomainDetail, HostDetail
from ferryman.planning.aiming import Aim
from ferryman.planning.decisions import Refused
from ferryman.planning.findings import Finding, FindingCode
from ferryman.planning.leftover import Leftover
from ferryman.planning.planning import plan
from ferryman.planning.plans import Cause, Plan
from ferryman.planning.preflight.volumes import volume_findings
from ferryman.planning.storage import disk_plans
from ferryman.specs.choices import StorageMode
from ferryman.specs.vm_spec import StorageSpec, VmSpec

OURS = {DISK_REF: Leftover(host="skopje", ref=DISK_REF, vm_uuid=UUID)}
GIVEN = VolumeRef(pool="vms", name="given.img")


def planned(
    there: HostDetail, spec: VmSpec | None = None, looked_at: DomainDetail | None = None, *, left: bool = False
) -> Plan | Refused:
    vm = looked_at or detail()
    aimed = Aim(vm=VM, source="tallinn", destinations=("skopje",), cause=Cause.SPEC, why="", domain=vm.domain)
    return plan(aimed, spec or vm_spec(), fleet(), ends(vm, there), OURS if left else {})


def refusal(outcome: Plan | Refused) -> Finding:
    assert isinstance(outcome, Refused), outcome
    (finding,) = outcome.findings
    return finding


def with_user(*held: VolumeRef, user: str = "guest-01-test") -> HostDetail:
    """skopje, where a VM has these volumes as disks."""
    volumes = tuple(volume(ref) for ref in held)
    return host_detail(volumes=volumes, disk_paths={user: frozenset(one.path for one in volumes)})


class TestInUse:
    def test_a_leftover_that_another_vm_uses_now_is_not_replaced(self) -> None:
        finding = refusal(planned(with_user(DISK_REF), left=True))
        assert finding.code is FindingCode.VOLUME_IN_USE
        assert f"vda: its copy would take the place of vms/{VM}.qcow2, which is a disk of guest-01-test on skopje" in (
            finding.reason
        )
        assert "virsh domblklist guest-01-test (on skopje)" in finding.remedy
        assert '[storage] pools = { vms = "POOL" }' in finding.remedy

    def test_a_volume_that_is_to_be_overwritten_is_not_while_another_vm_has_it(self) -> None:
        spec = vm_spec(storage={"overwrite": {"vda": "vms/given.img"}})
        finding = refusal(planned(with_user(GIVEN, user="guest-02"), spec))
        assert finding.code is FindingCode.VOLUME_IN_USE
        assert "its spec says overwrite vms/given.img, which is a disk of guest-02 on skopje" in finding.reason
        assert "[storage] overwrite" in finding.remedy

    def test_nobody_is_advised_to_delete_what_a_vm_uses(self) -> None:
        finding = refusal(planned(with_user(DISK_REF)))
        assert finding.code is FindingCode.VOLUME_IN_USE
        assert "vol-delete" not in finding.remedy

    def test_what_others_use_beside_it_stands_against_nothing(self) -> None:
        there = replace(with_user(GIVEN), volumes={DISK_REF: volume()})
        assert isinstance(planned(there, left=True), Plan)

    def test_a_shared_disk_is_not_taken_from_anybody(self) -> None:
        plans, _ = disk_plans(detail(), StorageSpec(mode=StorageMode.SHARED), with_user(DISK_REF), {})
        assert volume_findings(ends(there=with_user(DISK_REF)), plans) == []


class TestTwice:
    @pytest.mark.parametrize(
        ("second", "storage"),
        [
            (VolumeRef(pool="fast", name=DISK_REF.name), {"pools": {"fast": "vms"}}),
            (VolumeRef(pool="vms", name=f"{VM}.raw"), {"format": "qcow2"}),
            (GIVEN, {"overwrite": {"vda": "vms/given.img", "vdb": "vms/given.img"}}),
        ],
        ids=["two pools become one", "two formats become one", "overwritten twice"],
    )
    def test_two_disks_never_become_one_volume(self, second: VolumeRef, storage: dict[str, object]) -> None:
        vm = detail(disk(), disk("vdb", held=volume(second)))
        there = host_detail(volumes=(volume(GIVEN),))
        finding = refusal(planned(there, vm_spec(storage=storage), vm))
        assert finding.code is FindingCode.VOLUME_TWICE
        assert "vda and vdb would be one volume on skopje" in finding.reason
        assert "[storage] pools" in finding.remedy

    def test_nor_in_two_pools_over_one_folder(self) -> None:
        vm = detail(disk(), disk("vdb", held=volume(VolumeRef(pool="fast", name=DISK_REF.name))))
        there = host_detail("skopje", pool(), pool("fast"))
        assert refusal(planned(there, looked_at=vm)).code is FindingCode.VOLUME_TWICE

    def test_pools_without_a_folder_are_told_apart_by_name(self) -> None:
        vm = detail(disk(), disk("vdb", held=volume(VolumeRef(pool="fast", name=DISK_REF.name))))
        there = host_detail("skopje", *(replace(pool(name, kind="rbd"), target_path="") for name in ("vms", "fast")))
        assert isinstance(planned(there, looked_at=vm), Plan)
