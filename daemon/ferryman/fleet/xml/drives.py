"""CD-ROM and floppy drives in a domain's XML, and what is inserted in them: pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Protocol
from xml.etree import ElementTree as ET

_REMOVABLE = ("cdrom", "floppy")
_NAMING = frozenset({"file", "dev", "name", "pool", "protocol", "dir"})
_ADDED_WHILE_RUNNING = ("backingStore", "alias", "mirror")


@dataclass(frozen=True, slots=True, kw_only=True)
class Medium:
    """What is inserted in one drive: enough to put it back."""

    target: str
    """sda, hda, …"""
    path: str
    """Of the image; for a volume, POOL/VOLUME."""
    running: str = ""
    """The `<disk>` of the running VM; empty: it is off, or that drive is empty."""
    defined: str = ""
    """The `<disk>` of its definition; empty: that drive is empty."""


class Drives(Protocol):
    """The CD-ROM and floppy drives of one host's VMs."""

    def media(self, vm: str) -> tuple[Medium, ...]:
        """What is inserted in the VM's CD-ROM and floppy drives, as it runs and as it is defined."""
        ...

    def eject(self, vm: str, medium: Medium) -> None:
        """Empty the medium's drive, of the running VM and of its definition. An empty drive is no error."""
        ...

    def insert(self, vm: str, medium: Medium) -> None:
        """Put a medium back where it was. It being there is no error."""
        ...


def media(running_xml: str, defined_xml: str) -> tuple[Medium, ...]:
    """What is inserted in a VM's drives. Either XML may be empty: it does not run, or has no definition."""
    running, defined = _inserted(running_xml), _inserted(defined_xml)
    return tuple(
        Medium(
            target=target,
            path=_path(running.get(target) or defined[target]),
            running=running.get(target, ""),
            defined=defined.get(target, ""),
        )
        for target in sorted(running.keys() | defined.keys())
    )


def emptied(disk_xml: str) -> str:
    """The same drive with nothing in it."""
    node = ET.fromstring(disk_xml)
    _empty(node)
    return ET.tostring(node, encoding="unicode")


def empty_drives(root: ET.Element, targets: Collection[str]) -> None:
    """Take the media out of these drives of a parsed domain."""
    for node in _drives(root):
        if _target(node) in targets:
            _empty(node)


def replaced(xml: str, disk_xml: str) -> str:
    """The domain with this `<disk>` in the place of the one with its target."""
    root, disk = ET.fromstring(xml), ET.fromstring(disk_xml)
    devices = root.find("./devices")
    if devices is None:
        return xml
    for number, node in enumerate(list(devices)):
        if node.tag == "disk" and _target(node) == _target(disk):
            devices[number] = disk
    return ET.tostring(root, encoding="unicode")


def _inserted(xml: str) -> dict[str, str]:
    """By target: the `<disk>` of every drive that has a medium, without what libvirt adds while a VM runs."""
    if not xml:
        return {}
    found = {}
    for node in _drives(ET.fromstring(xml)):
        source = node.find("source")
        # libvirt numbers the source of a drive that was emptied while it runs, and names nothing in it.
        if source is None or not _NAMING.intersection(source.attrib):
            continue
        for name in _ADDED_WHILE_RUNNING:
            for stale in node.findall(name):
                node.remove(stale)
        source.attrib.pop("index", None)
        node.tail = None
        found[_target(node)] = ET.tostring(node, encoding="unicode")
    return found


def _drives(root: ET.Element) -> Iterator[ET.Element]:
    return (node for node in root.iterfind("./devices/disk") if node.get("device") in _REMOVABLE)


def _target(node: ET.Element) -> str:
    target = node.find("target")
    return "" if target is None else target.get("dev", "")


def _empty(node: ET.Element) -> None:
    source = node.find("source")
    if source is not None:
        node.remove(source)
    for stale in node.findall("backingStore"):
        node.remove(stale)
    # An empty drive of another type, such as a volume's, has no meaning to libvirt.
    node.set("type", "file")


def _path(disk_xml: str) -> str:
    source = ET.fromstring(disk_xml).find("source")
    attributes = {} if source is None else source.attrib
    volume = f"{attributes.get('pool', '')}/{attributes.get('volume', '')}"
    return attributes.get("file") or attributes.get("dev") or attributes.get("name") or volume
