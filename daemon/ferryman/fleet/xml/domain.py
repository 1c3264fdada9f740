"""Reading a domain's XML: pure functions over libvirt's documented format."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from ferryman.fleet.storage import Disk, DiskDevice, Volume
from ferryman.fleet.values import Interface


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
    cache: str


def disks(xml: str) -> tuple[XmlDisk, ...]:
    """The domain's disks, in the order of the XML."""
    return tuple(_disk(node) for node in ET.fromstring(xml).iterfind("./devices/disk"))


def described(disk: XmlDisk, volume: Volume | None, base: Volume | None) -> Disk:
    """The disk with the volume that it is, where a pool holds it, and the one that this is a layer over."""
    return Disk(
        target=disk.target,
        device=disk.device,
        source_kind=disk.source_kind,
        path=disk.path or (volume.path if volume else ""),
        format=disk.format,
        read_only=disk.read_only,
        shareable=disk.shareable,
        backing=disk.backing,
        volume=volume,
        cache=disk.cache,
        base=base,
    )


def paths(xml: str) -> frozenset[str]:
    """Every file and device that its disks name: sources, backing images, mirrors."""
    found = (
        source.get(attribute, "")
        for disk in ET.fromstring(xml).iterfind("./devices/disk")
        for source in disk.iter("source")
        for attribute in ("file", "dev")
    )
    return frozenset(path for path in found if path)


def interfaces(xml: str) -> tuple[Interface, ...]:
    """The domain's network interfaces."""
    found = []
    for node in ET.fromstring(xml).iterfind("./devices/interface"):
        mac, source, port = node.find("mac"), node.find("source"), node.find("virtualport")
        attributes = {} if source is None else source.attrib
        # Of a running VM libvirt tells what its network came to; at the destination it joins the network all the same.
        kind = "network" if attributes.get("network") else node.get("type", "")
        found.append(
            Interface(
                mac="" if mac is None else mac.get("address", ""),
                kind=kind,
                source=attributes.get(_JOINED_BY.get(kind, kind), ""),
                virtual_port="" if port is None else port.get("type", ""),
            )
        )
    return tuple(found)


def attached(xml: str, *, but: Collection[str] = ()) -> tuple[str, ...]:
    """What ties the domain to things outside of it, but for these drives; for two definitions to be compared."""
    devices = ET.fromstring(xml).iterfind("./devices/*")
    return tuple(_canonical(node) for node in devices if node.tag in _OUTWARD and _target(node) not in but)


def _canonical(node: ET.Element) -> str:
    node.tail = None
    return ET.canonicalize(ET.tostring(node, encoding="unicode"), strip_text=True)


def machine(xml: str) -> str:
    """The machine type, such as pc-q35-7.2."""
    node = ET.fromstring(xml).find("./os/type")
    return "" if node is None else node.get("machine", "")


def virtualization(xml: str) -> str:
    """The domain type: kvm, qemu, …"""
    return ET.fromstring(xml).get("type", "")


def huge_pages_kib(xml: str) -> tuple[int, ...]:
    """The sizes of the huge pages that its memory is made of, as libvirt writes them; 0: the host's default.

    Empty: it is made of none.
    """
    node = ET.fromstring(xml).find("./memoryBacking/hugepages")
    if node is None:
        return ()
    pages = node.findall("./page")
    return tuple(int(page.get("size", "0")) for page in pages) or (0,)


def host_device_count(xml: str) -> int:
    """Devices of the host that are passed through."""
    return len(ET.fromstring(xml).findall("./devices/hostdev"))


def _target(node: ET.Element) -> str:
    target = node.find("target")
    return "" if target is None else target.get("dev", "")


def _disk(node: ET.Element) -> XmlDisk:
    source, driver = node.find("source"), node.find("driver")
    kind = node.get("type", "file")
    attributes = {} if source is None else source.attrib
    backing = node.find("backingStore")
    return XmlDisk(
        target=_target(node),
        device=DiskDevice(node.get("device", "disk")) if node.get("device") in _DEVICES else DiskDevice.DISK,
        source_kind=kind if source is not None else "",
        path=_path(kind, attributes),
        pool=attributes.get("pool", ""),
        volume=attributes.get("volume", ""),
        format="raw" if driver is None else driver.get("type", "raw"),
        read_only=node.find("readonly") is not None,
        shareable=node.find("shareable") is not None,
        backing=backing is not None and len(backing) > 0,
        cache="" if driver is None else driver.get("cache", ""),
    )


_DEVICES = frozenset(DiskDevice)
_JOINED_BY = {"direct": "dev"}
"""The attribute that names what an interface joins, where it is not called as the kind is."""
_OUTWARD = frozenset({"disk", "interface", "hostdev", "filesystem", "shmem", "tpm"})


def _path(kind: str, attributes: Mapping[str, str]) -> str:
    if kind == "network":
        return f"{attributes.get('protocol', '')}:{attributes.get('name', '')}"
    return attributes.get("file") or attributes.get("dev") or ""
