"""How a cold move gets disks to the destination, and what they are there."""

from __future__ import annotations

from dataclasses import replace

import pytest
from readings import DISK_REF, detail, host_detail, host_spec, pool, volume

from ferryman.fleet.machine import MachineNeeds, Tpm
from ferryman.fleet.storage import VolumeRef
from ferryman.planning.copying import conversion_findings, image_copy, larger_findings, machine_file_findings
from ferryman.planning.findings import FindingCode, Severity
from ferryman.planning.modes import ImageCopy
from ferryman.planning.preflight import STANDS_AGAINST
from ferryman.planning.storage import destination_refs, disk_plans
from ferryman.specs.choices import DiskFormat, Encryption, Method
from ferryman.specs.host_spec import HostSpec
from ferryman.specs.vm_spec import ColdSpec, StorageSpec, VmSpec

BY_SSH = host_spec("tallinn")
BY_TCP = HostSpec(name="oslo", uri="qemu+tcp://oslo/system")
SPARE = VolumeRef(pool="blocks", name="spare")


@pytest.mark.parametrize(
    ("destination", "running", "presync", "way"),
    [
        (BY_SSH, True, True, ImageCopy.MIRROR),
        (BY_SSH, True, False, ImageCopy.NBD),
        (BY_SSH, False, True, ImageCopy.NBD),
        (BY_TCP, True, True, ImageCopy.STREAM),
        (BY_TCP, False, False, ImageCopy.STREAM),
    ],
)
def test_the_way_with_the_shortest_downtime(
    destination: HostSpec, way: ImageCopy, *, running: bool, presync: bool
) -> None:
    spec = VmSpec(name="guest-01", host="skopje", cold=ColdSpec(presync=presync))
    assert image_copy(spec, BY_SSH, destination, running=running, tls=False) is way


def test_without_the_rights_of_root_it_goes_through_libvirts_own_connections() -> None:
    spec = VmSpec(name="guest-01", host="skopje")
    assert image_copy(spec, BY_SSH, BY_SSH, running=True, tls=True, as_root=False) is ImageCopy.STREAM


@pytest.mark.parametrize(
    ("encryption", "tls", "way"),
    [
        (Encryption.REQUIRE, True, ImageCopy.MIRROR),
        (Encryption.REQUIRE, False, ImageCopy.STREAM),
        (Encryption.PREFER, False, ImageCopy.MIRROR),
    ],
)
def test_what_must_be_encrypted_takes_the_slow_way_only_without_certificates(
    encryption: Encryption, way: ImageCopy, *, tls: bool
) -> None:
    spec = VmSpec(name="guest-01", host="skopje", encryption=encryption)
    assert image_copy(spec, BY_SSH, BY_SSH, running=True, tls=tls) is way


class TestFormats:
    def test_kept_unless_the_spec_says_otherwise_and_the_name_tells(self) -> None:
        kept, _ = disk_plans(detail(), StorageSpec(), host_detail(), {})
        raw, _ = disk_plans(detail(), StorageSpec(format=DiskFormat.RAW), host_detail(), {})
        assert [(plan.format, plan.destination.name) for plan in (*kept, *raw)] == [
            ("qcow2", DISK_REF.name),
            ("raw", "guest-01.raw"),
        ]

    def test_a_pool_of_devices_holds_raw_ones(self) -> None:
        spec = StorageSpec(pools={"vms": "vg0"})
        there = host_detail("skopje", replace(pool("vg0"), kind="logical"))
        plans, _ = disk_plans(detail(), spec, there, {})
        assert plans[0].format == "raw"

    def test_without_ssh_a_disk_stays_what_it_is(self) -> None:
        plans, _ = disk_plans(detail(), StorageSpec(format=DiskFormat.RAW), host_detail(), {})
        assert [found.code for found in conversion_findings(plans, ImageCopy.STREAM)] == [FindingCode.CONVERSION]
        assert conversion_findings(plans, ImageCopy.NBD) == ()


class TestOverwriting:
    spec = StorageSpec(overwrite={"vda": "blocks/spare"})

    def test_a_volume_that_the_spec_gives_up_takes_the_content(self) -> None:
        large = replace(volume(), ref=SPARE, format="raw", block=True, capacity_bytes=2**40)
        there = replace(host_detail("skopje", pool("blocks")), volumes={SPARE: large})
        plans, findings = disk_plans(detail(), self.spec, there, {})
        assert findings == ()
        assert [(plan.destination, plan.format, plan.overwrites) for plan in plans] == [(SPARE, "raw", True)]
        assert destination_refs(detail(), self.spec) == (SPARE,)

    @pytest.mark.parametrize(
        ("way", "severity", "why"),
        [
            (ImageCopy.MIRROR, Severity.BLOCKER, "only onto one of its own size"),
            (ImageCopy.NBD, Severity.WARNING, "unless the rest of it is all zeros"),
        ],
    )
    def test_a_larger_one_takes_no_mirror_and_that_is_said_with_what_makes_both_alike(
        self, way: ImageCopy, severity: Severity, why: str
    ) -> None:
        larger = replace(volume(), ref=SPARE, capacity_bytes=volume().capacity_bytes + 512)
        there = replace(host_detail("skopje", pool("blocks")), volumes={SPARE: larger})
        plans, _ = disk_plans(detail(), self.spec, there, {})
        live, cold = larger_findings(detail(), plans, there, way)
        assert (live.code, live.severity) == (FindingCode.VOLUME_LARGER, Severity.BLOCKER)
        assert (cold.code, cold.severity, why in cold.reason) == (FindingCode.VOLUME_LARGER_COLD, severity, True)
        assert f"virsh blockresize guest-01 vda {larger.capacity_bytes}B" in live.remedy

    def test_nothing_is_said_of_one_of_its_size_or_of_a_disk_that_is_not_to_overwrite_it(self) -> None:
        alike = replace(volume(), ref=SPARE)
        there = replace(host_detail("skopje", pool("blocks")), volumes={SPARE: alike})
        plans, _ = disk_plans(detail(), self.spec, there, {})
        assert larger_findings(detail(), plans, there, ImageCopy.MIRROR) == ()
        created, _ = disk_plans(detail(), StorageSpec(), host_detail(), {})
        assert larger_findings(detail(), created, host_detail(), ImageCopy.MIRROR) == ()

    @pytest.mark.parametrize("capacity_bytes", [None, 512])
    def test_one_that_is_missing_or_too_small_is_refused(self, capacity_bytes: int | None) -> None:
        small = {} if capacity_bytes is None else {SPARE: replace(volume(), ref=SPARE, capacity_bytes=capacity_bytes)}
        there = replace(host_detail("skopje", pool("blocks")), volumes=small)
        _, findings = disk_plans(detail(), self.spec, there, {})
        assert [found.code for found in findings] == [FindingCode.VOLUME_UNFIT]


@pytest.mark.parametrize(
    ("needs", "way", "stays"),
    [
        (MachineNeeds(nvram="/n.fd"), ImageCopy.STREAM, True),
        (MachineNeeds(tpm=Tpm.EMULATED), ImageCopy.STREAM, True),
        (MachineNeeds(nvram="/n.fd", tpm=Tpm.EMULATED), ImageCopy.NBD, False),
        (MachineNeeds(), ImageCopy.STREAM, False),
    ],
)
def test_firmware_variables_and_a_tpms_state_come_along_over_ssh_only(
    needs: MachineNeeds, way: ImageCopy, *, stays: bool
) -> None:
    findings = machine_file_findings(replace(detail(), needs=needs), way)
    assert [found.code for found in findings] == [FindingCode.MACHINE_FILES_STAY] * stays


@pytest.mark.parametrize("way", ImageCopy)
def test_firmware_variables_on_a_device_are_not_left_behind_in_silence(way: ImageCopy) -> None:
    needs = MachineNeeds(nvram_device="block /dev/vg0/n")
    (finding,) = machine_file_findings(replace(detail(), needs=needs), way)
    assert STANDS_AGAINST[finding.code] == {Method.COLD}
    assert "block /dev/vg0/n" in finding.reason
    assert "virsh edit guest-01" in finding.remedy
