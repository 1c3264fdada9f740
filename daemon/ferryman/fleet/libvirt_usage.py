"""Which files and devices a VM's disks need, through libvirt."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import libvirt

from ferryman.fleet import domain_xml
from ferryman.fleet.libvirt_volumes import volume_at


def paths_of(connection: libvirt.virConnect, domain: libvirt.virDomain) -> frozenset[str]:
    """As it runs and as it is defined, each with the images below it. Raises libvirtError."""
    definitions = [domain.XMLDesc()]
    if domain.isPersistent():
        definitions.append(domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))
    named = {path for xml in definitions for path in domain_xml.paths(xml)} | {
        volume.path
        for xml in definitions
        for disk in domain_xml.disks(xml)
        if disk.source_kind == "volume" and (volume := volume_at(connection, disk)) is not None
    }
    return frozenset(below for path in named for below in _chain(connection, path))


def _chain(connection: libvirt.virConnect, top: str) -> list[str]:
    """The path and what it is a layer over: a shut-off VM's definition tells only the first."""
    chain = [top]
    while (backing := _backing_path(connection, chain[-1])) and backing not in chain:
        chain.append(backing)
    return chain


def _backing_path(connection: libvirt.virConnect, path: str) -> str:
    try:
        volume = connection.storageVolLookupByPath(path)
    except libvirt.libvirtError as error:
        if error.get_error_code() == libvirt.VIR_ERR_NO_STORAGE_VOL:
            return ""  # in no pool: what the domain's own XML says is all that is known
        raise
    return ET.fromstring(volume.XMLDesc()).findtext("./backingStore/path", "")
