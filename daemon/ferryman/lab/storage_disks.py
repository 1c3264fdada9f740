"""Guests' disks on the storage host: an image on its export, or behind an iSCSI target of the guest's own."""

from __future__ import annotations

import os
from ipaddress import IPv4Address
from pathlib import Path

from ferryman.lab import storage_files, storage_host
from ferryman.lab.guest_xml import DiskHome, GuestPlan
from ferryman.lab.layout import Layout
from ferryman.lab.ledger import Ledger
from ferryman.lab.namespaces import Namespace

_MIB = 1024 * 1024


def create(lab: Ledger, guest: GuestPlan) -> None:
    """Make the guest's disk, sparse and empty, where every host reaches it; LabError without a storage host."""
    namespace = storage_host.require(lab)
    path = image(lab.layout, guest)
    with path.open("xb") as content:
        os.truncate(content.fileno(), guest.disk_mib * _MIB)
    if guest.disk is DiskHome.ISCSI:
        _serve(namespace, guest, target_id(lab.layout, guest), path)


def remove(lab: Ledger, guest: GuestPlan) -> None:
    """Delete the guest's disk; one that is gone already is no error."""
    namespace = storage_host.require(lab)
    if guest.disk is DiskHome.ISCSI and f": {storage_files.target_name(guest.name)}\n" in _targets(namespace):
        number = str(target_id(lab.layout, guest))
        _tgtadm(namespace, "--op", "delete", "--mode", "target", "--force", "--tid", number)
    image(lab.layout, guest).unlink(missing_ok=True)


def image(layout: Layout, guest: GuestPlan) -> Path:
    """The file with the guest's disk, as this machine sees it."""
    folder = layout.storage.export if guest.disk is DiskHome.NFS else layout.storage.luns
    return folder / storage_files.image_name(guest.name)


def target_id(layout: Layout, guest: GuestPlan) -> int:
    """The number of the guest's target: its address's place in the subnet, which no other guest has."""
    return int(IPv4Address(guest.address)) - int(layout.subnet.network_address)


def _serve(namespace: Namespace, guest: GuestPlan, number: int, path: Path) -> None:
    target, name = ("--tid", str(number)), storage_files.target_name(guest.name)
    _tgtadm(namespace, "--op", "new", "--mode", "target", *target, "--targetname", name)
    _tgtadm(namespace, "--op", "new", "--mode", "logicalunit", *target, "--lun", "1", "--backing-store", str(path))
    # Any host of the lab; nobody else reaches its network.
    _tgtadm(namespace, "--op", "bind", "--mode", "target", *target, "--initiator-address", "ALL")


def _targets(namespace: Namespace) -> str:
    return _tgtadm(namespace, "--op", "show", "--mode", "target")


def _tgtadm(namespace: Namespace, *arguments: str) -> str:
    return namespace.run("tgtadm", "--lld", "iscsi", *arguments)
