"""Disks that are layers over other images: kept where the image is there too, flattened where the spec says so."""

from __future__ import annotations

from dataclasses import replace

import pytest
from readings import MIB, detail, disk, ends, fleet, host_detail, vm_spec, volume

from ferryman.fleet.storage import BackingImage, Disk, VolumeRef
from ferryman.fleet.values import HostDetail, Power
from ferryman.planning.aiming import Aim
from ferryman.planning.chains import base_paths, carried
from ferryman.planning.decisions import Refused
from ferryman.planning.findings import FindingCode, Severity
from ferryman.planning.planning import plan
from ferryman.planning.plans import Cause, DiskImage, Plan
from ferryman.specs.vm_spec import StorageSpec

BASE = volume(VolumeRef(pool="vms", name="base.qcow2"))
OVER = BackingImage(path=BASE.path, format="qcow2")
LAYER: Disk = disk(held=replace(volume(backing=True), over=OVER), backing=True, base=BASE)
WITH_BASE = replace(host_detail(), images={BASE.path: BASE})


def planned(looked_at: Disk, there: HostDetail, power: Power = Power.RUNNING, **storage: str) -> Plan | Refused:
    vm = detail(looked_at, power=power)
    aimed = Aim(vm="guest-01", source="tallinn", destinations=("skopje",), cause=Cause.SPEC, why="", domain=vm.domain)
    return plan(aimed, vm_spec(storage=storage, allow=["live", "cold"]), fleet(), ends(vm, there), {})


def test_what_is_no_layer_is_copied_whole() -> None:
    assert carried(disk(), StorageSpec(), host_detail()).image is DiskImage.WHOLE
    assert base_paths(detail()) == frozenset()


def test_a_layer_goes_over_the_same_image_there() -> None:
    assert base_paths(detail(LAYER)) == {BASE.path}
    decided = planned(LAYER, WITH_BASE)
    assert isinstance(decided, Plan)
    assert [(one.image, one.over) for one in decided.disks] == [(DiskImage.LAYER, OVER)]
    assert decided.adaptation.flattened == ()
    assert "its content is not compared" in decided.warnings[0].reason


@pytest.mark.parametrize(
    ("looked_at", "there", "why"),
    [
        (LAYER, host_detail(), f"no storage pool of skopje holds {BASE.path}"),
        (LAYER, replace(host_detail(), images={BASE.path: replace(BASE, capacity_bytes=MIB)}), f"holds {MIB} bytes"),
        (replace(LAYER, base=None), WITH_BASE, "no storage pool of its host holds the image"),
        (disk(backing=True), WITH_BASE, "no storage pool of its host holds the image"),
    ],
)
def test_without_the_same_image_there_it_is_refused(looked_at: Disk, there: HostDetail, why: str) -> None:
    refused = planned(looked_at, there)
    assert isinstance(refused, Refused)
    (finding,) = (one for one in refused.findings if one.severity is Severity.BLOCKER)
    assert finding.code is FindingCode.BACKING_CHAIN
    assert why in finding.reason
    assert 'backing_chain = "flatten"' in finding.remedy


def test_a_volume_that_is_overwritten_takes_no_layer() -> None:
    found = carried(LAYER, StorageSpec(overwrite={"vda": "vms/other"}), WITH_BASE).findings
    assert "a volume that is overwritten cannot be a layer" in found[0].reason


def test_flattened_it_needs_no_image_there_and_has_none() -> None:
    decided = planned(LAYER, host_detail(), backing_chain="flatten")
    assert isinstance(decided, Plan)
    assert [(one.image, one.over) for one in decided.disks] == [(DiskImage.FLATTENED, None)]
    assert decided.adaptation.flattened == ("vda",)


@pytest.mark.parametrize("chain", ["keep", "flatten"])
def test_a_vm_that_is_off_does_not_move_with_a_layer(chain: str) -> None:
    refused = planned(LAYER, WITH_BASE, Power.SHUT_OFF, backing_chain=chain)
    assert isinstance(refused, Refused)
    blockers = [finding.code for finding in refused.findings if finding.severity is Severity.BLOCKER]
    assert blockers == [FindingCode.BACKING_CHAIN_COLD]
    assert refused.findings[0].severity is Severity.BLOCKER
