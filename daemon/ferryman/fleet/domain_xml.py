"""Reading and adapting a domain's XML: pure functions over libvirt's documented format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from ferryman.fleet.values import DiskDevice, Interface


@dataclass(frozen=True, slots=True, kw_only=True)
class XmlDisk:
    """A `<disk>` as the XML tells it, before any pool is asked about it."""

    target: str
    device: DiskDevice
    source_kind: str
    path: str
    pool: str
    """Only for `<disk type='volume'>`."""
    volume: str
    format: str
    read_only: bool
    shareable: bool
    backing: bool


def disks(xml: str) -> tuple[XmlDisk, ...]:
    """The domain's disks, in the order of the XML."""
    return tuple(_disk(node) for node in ET.fromstring(xml).iterfind("./devices/disk"))


def interfaces(xml: str) -> tuple[Interface, ...]:
    """The domain's network interfaces."""
    found = []
    for node in ET.fromstring(xml).iterfind("./devices/interface"):
        kind = node.get("type", "")
        mac, source = node.find("mac"), node.find("source")
        found.append(
            Interface(
                mac="" if mac is None else mac.get("address", ""),
                kind=kind,
                source="" if source is None else source.get(kind, ""),
            )
        )
    return tuple(found)


def machine(xml: str) -> str:
    """The machine type, such as pc-q35-7.2."""
    node = ET.fromstring(xml).find("./os/type")
    return "" if node is None else node.get("machine", "")


def virtualization(xml: str) -> str:
    """The domain type: kvm, qemu, …"""
    return ET.fromstring(xml).get("type", "")


def host_device_count(xml: str) -> int:
    """Devices of the host that are passed through."""
    return len(ET.fromstring(xml).findall("./devices/hostdev"))


def with_disk_paths(xml: str, paths: Mapping[str, str]) -> str:
    """The XML with the source of each named target replaced by a file at the destination.

    >>> with_disk_paths("<domain><devices><disk type='file'><source file='/a'/><target dev='vda'/></disk>"
    ...                 "</devices></domain>", {"vda": "/b"})
    '<domain><devices><disk type="file"><source file="/b" /><target dev="vda" /></disk></devices></domain>'
    """
    if not paths:
        return xml
    root = ET.fromstring(xml)
    for node in root.iterfind("./devices/disk"):
        target, source = node.find("target"), node.find("source")
        if target is None or source is None or target.get("dev") not in paths:
            continue
        attribute = "dev" if node.get("type") == "block" else "file"
        node.set("type", "block" if attribute == "dev" else "file")
        for stale in ("pool", "volume", "file", "dev"):
            source.attrib.pop(stale, None)
        source.set(attribute, paths[target.get("dev", "")])
    return ET.tostring(root, encoding="unicode")


def _disk(node: ET.Element) -> XmlDisk:
    target, source, driver = node.find("target"), node.find("source"), node.find("driver")
    kind = node.get("type", "file")
    attributes = {} if source is None else source.attrib
    backing = node.find("backingStore")
    return XmlDisk(
        target="" if target is None else target.get("dev", ""),
        device=DiskDevice(node.get("device", "disk")) if node.get("device") in _DEVICES else DiskDevice.DISK,
        source_kind=kind if source is not None else "",
        path=_path(kind, attributes),
        pool=attributes.get("pool", ""),
        volume=attributes.get("volume", ""),
        format="raw" if driver is None else driver.get("type", "raw"),
        read_only=node.find("readonly") is not None,
        shareable=node.find("shareable") is not None,
        backing=backing is not None and len(backing) > 0,
    )


_DEVICES = frozenset(DiskDevice)


def _path(kind: str, attributes: Mapping[str, str]) -> str:
    if kind == "network":
        return f"{attributes.get('protocol', '')}:{attributes.get('name', '')}"
    return attributes.get("file") or attributes.get("dev") or ""
