"""A domain's XML for people to read: laid out alike, without its secrets. Pure."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from xml.etree import ElementTree as ET

HIDDEN = "(hidden)"
_SECRET_ATTRIBUTES = ("passwd", "password")
"""`passwd` of `<graphics>` (VNC, SPICE) and of `<auth>`: libvirt's documented places, wherever they stand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """A VM's definition at both ends of a planned move; no secret is in it."""

    source: str
    destination: str


def definition(xml: str, adapted_xml: str) -> Definition:
    """Both, fit to be shown and compared line by line."""
    return Definition(source=printable(xml), destination=printable(adapted_xml))


def printable(xml: str) -> str:
    """The XML indented, every password replaced.

    >>> print(printable("<domain><devices><graphics type='vnc' passwd='x'/></devices></domain>"), end="")
    <domain>
      <devices>
        <graphics type="vnc" passwd="(hidden)" />
      </devices>
    </domain>
    """
    root = ET.fromstring(xml)
    for node in root.iter():
        for name in _SECRET_ATTRIBUTES:
            if name in node.attrib:
                node.set(name, HIDDEN)
        if node.tag.rpartition("}")[2] in _SECRET_ATTRIBUTES and node.text:
            node.text = HIDDEN
    ET.indent(root)
    return ET.tostring(root, encoding="unicode") + "\n"


def difference(shown: Definition, source: str, destination: str) -> str:
    """A unified diff from the source's definition to the destination's; empty where they are the same."""
    lines = difflib.unified_diff(
        shown.source.splitlines(keepends=True),
        shown.destination.splitlines(keepends=True),
        fromfile=source,
        tofile=destination,
    )
    return "".join(lines)
