"""Reading a storage pool's XML: pure functions over libvirt's documented format."""

from __future__ import annotations

from xml.etree import ElementTree as ET

_THIS_HOST = ("localhost", "127.", "::1")


def origin(xml: str) -> str:
    """Where a pool's content comes from, the same text for the same definition; empty: from the host itself.

    >>> origin("<pool type='netfs'><source><host name='nas'/><dir path='/vms'/></source></pool>")
    'nas dir=/vms'
    """
    source = ET.fromstring(xml).find("source")
    if source is None:
        return ""
    servers = [_server(node) for node in source.findall("host")]
    if not servers or any(server.startswith(_THIS_HOST) for server in servers):
        return ""
    places = [
        f"{tag}={place}"
        for tag in ("dir", "device", "name")
        for node in source.findall(tag)
        if (place := node.get("path") or (node.text or "").strip())
    ]
    return " ".join([*servers, *places])


def _server(node: ET.Element) -> str:
    port = node.get("port")
    return node.get("name", "") + (f":{port}" if port else "")
