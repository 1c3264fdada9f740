"""A domain's XML as its destination needs it: pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from xml.etree import ElementTree as ET

from ferryman.fleet.xml.drives import empty_drives


class SourceKind(StrEnum):
    """libvirt's `<disk type>` of what lies on a host itself."""

    FILE = "file"
    BLOCK = "block"

    @property
    def attribute(self) -> str:
        """Of `<source>`."""
        return "dev" if self is SourceKind.BLOCK else "file"


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskSource:
    """What a disk is at the destination."""

    kind: SourceKind
    path: str
    format: str
    """raw, qcow2, …"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Adaptation:
    """What differs at the destination."""

    disks: Mapping[str, DiskSource] = field(default_factory=dict)
    """By target (vda, …)."""
    bridges: Mapping[str, str] = field(default_factory=dict)
    """Bridge here -> bridge there."""
    networks: Mapping[str, str] = field(default_factory=dict)
    """libvirt network here -> there."""
    flattened: tuple[str, ...] = ()
    """Targets of disks that are layers here, over images that the definition must not name there: they are whole
    images there, or libvirt finds out by itself what is below them."""
    emptied_drives: tuple[str, ...] = ()
    """Targets of CD-ROM and floppy drives whose media are ejected before the move."""

    def changes_nothing(self) -> bool:
        """The destination takes the XML as it is."""
        return not (self.disks or self.bridges or self.networks or self.emptied_drives or self.flattened)


UNCHANGED = Adaptation()


def adapted(xml: str, adaptation: Adaptation) -> str:
    """The XML with the adaptation made; what it does not name stays as it is.

    >>> there = DiskSource(kind=SourceKind.FILE, path="/b", format="raw")
    >>> adapted("<domain><devices><disk type='file'><source file='/a'/><target dev='vda'/></disk>"
    ...         "</devices></domain>", Adaptation(disks={"vda": there}))
    '<domain><devices><disk type="file"><source file="/b" /><target dev="vda" /></disk></devices></domain>'
    """
    if adaptation.changes_nothing():
        return xml
    root = ET.fromstring(xml)
    for node in root.iterfind("./devices/disk"):
        target = node.find("target")
        if target is not None and target.get("dev") in adaptation.flattened:
            _forget_chain(node)
        there = None if target is None else adaptation.disks.get(target.get("dev", ""))
        if there is not None:
            _adapt_disk(node, there)
    empty_drives(root, adaptation.emptied_drives)
    for node in root.iterfind("./devices/interface"):
        _adapt_interface(node, adaptation)
    return ET.tostring(root, encoding="unicode")


def _forget_chain(node: ET.Element) -> None:
    for chain in node.findall("backingStore"):
        node.remove(chain)


def _adapt_disk(node: ET.Element, there: DiskSource) -> None:
    source, driver = node.find("source"), node.find("driver")
    if source is None:
        return
    node.set("type", there.kind.value)
    for stale in ("pool", "volume", "file", "dev", "startupPolicy"):
        source.attrib.pop(stale, None)
    source.set(there.kind.attribute, there.path)
    if driver is not None:
        driver.set("type", there.format)


def _adapt_interface(node: ET.Element, adaptation: Adaptation) -> None:
    source = node.find("source")
    kind = node.get("type", "")
    names = {"bridge": adaptation.bridges, "network": adaptation.networks}.get(kind)
    if source is not None and names is not None and source.get(kind) in names:
        source.set(kind, names[source.get(kind, "")])
