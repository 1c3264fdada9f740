"""What the lab writes for its storage host, and for the disks that are on it."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from ferryman.lab import host_files, requirements, storage_disks, storage_files, storage_host
from ferryman.lab.allowed import DEFAULT_FOLDER, STORAGE_HOST, LayoutError
from ferryman.lab.guest_xml import Accelerator, DiskFormat, DiskHome, GuestPlan, Machine, domain_xml
from ferryman.lab.layout import plan_layout
from ferryman.lab.ledger import Ledger
from ferryman.lab.shell import LabError

LAYOUT = plan_layout(DEFAULT_FOLDER, ("oslo", "bergen"), "10.91.0.0/24")


def plan(disk: DiskHome, name: str = "guest-01", address: str = "10.91.0.101") -> GuestPlan:
    """A guest with its disk there."""
    return GuestPlan(name=name, address=address, disk=disk, disk_format=DiskFormat.QCOW2)


def disk_of(home: DiskHome) -> ElementTree.Element:
    """The guest's disk in its definition, where the hosts' own file systems have no direct I/O."""
    machine = Machine(
        kernel="/k", packed_kernel="/p", initramfs="/i", accelerator=Accelerator.TCG, direct_io=False, prefix_length=24
    )
    root = ElementTree.fromstring(domain_xml(plan(home), machine))  # noqa: S314 - the text is our own
    disk = root.find("devices/disk")
    assert disk is not None
    return disk


class TestLayout:
    def test_the_storage_host_has_its_place_and_is_no_host_of_guests(self) -> None:
        assert LAYOUT.storage.address == "10.91.0.5"
        assert LAYOUT.storage.export.is_relative_to(DEFAULT_FOLDER)
        assert f"10.91.0.5 {STORAGE_HOST}\n" in host_files.hosts_file(LAYOUT)
        with pytest.raises(LayoutError, match="its hosts are oslo, bergen"):
            LAYOUT.host(STORAGE_HOST)

    def test_machines_are_the_hosts_and_the_storage_host(self) -> None:
        assert LAYOUT.machine(STORAGE_HOST) == LAYOUT.storage
        assert LAYOUT.machine("oslo") == LAYOUT.hosts[0]

    def test_each_guest_has_a_target_of_its_own(self) -> None:
        first, second = plan(DiskHome.ISCSI), plan(DiskHome.ISCSI, "guest-02", "10.91.0.102")
        assert storage_disks.target_id(LAYOUT, first) == 101
        assert storage_disks.target_id(LAYOUT, second) == 102
        assert storage_files.target_name("guest-01") != storage_files.target_name("guest-02")


class TestDefinition:
    @pytest.mark.parametrize("home", [DiskHome.NFS, DiskHome.ISCSI])
    def test_a_disk_on_the_storage_host_is_raw_and_bypasses_the_hosts_cache(self, home: DiskHome) -> None:
        disk = disk_of(home)
        driver = disk.find("driver")
        assert driver is not None
        assert (disk.get("type"), driver.get("type"), driver.get("cache")) == ("network", "raw", "none")

    def test_nfs_names_export_host_and_user(self) -> None:
        source = disk_of(DiskHome.NFS).find("source")
        assert source is not None
        assert source.attrib == {"protocol": "nfs", "name": "/export/guest-01.img"}
        assert [child.attrib for child in source] == [{"name": "storage"}, {"user": "+0", "group": "+0"}]

    def test_iscsi_names_target_and_unit(self) -> None:
        source = disk_of(DiskHome.ISCSI).find("source")
        assert source is not None
        assert source.attrib == {"protocol": "iscsi", "name": "iqn.2024-01.lab.ferryman:guest-01/1"}
        assert [child.attrib for child in source] == [{"name": "storage", "port": "3260"}]


def test_the_export_is_the_labs_own_folder_by_its_short_name() -> None:
    config = storage_files.ganesha_conf(LAYOUT.storage)
    assert f'Path = "{DEFAULT_FOLDER}/storage/export";' in config
    assert 'Pseudo = "/export";' in config


def test_a_lab_without_a_storage_host_says_how_to_get_one() -> None:
    with pytest.raises(LabError, match="lab up --storage"):
        storage_host.require(Ledger(layout=LAYOUT))


def test_libraries_are_asked_for_only_with_storage(tmp_path: Path) -> None:
    assert "nfs-ganesha-vfs" in requirements.missing_packages(storage=True, libraries=tmp_path)
    assert "nfs-ganesha-vfs" not in requirements.missing_packages(libraries=tmp_path)
