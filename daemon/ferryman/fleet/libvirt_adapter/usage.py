"""Which files and devices a VM's disks need, through libvirt."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import libvirt

from ferryman.fleet.libvirt_adapter.volumes import volume_at
from ferryman.fleet.xml import domain as domain_xml


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
    """The path, the pool's own name for it, and what it is a layer over: a shut-off VM's definition leaves that out."""
    chain: list[str] = []
    path = top
    while path and path not in chain:
        chain.append(path)
        volume = _volume(connection, path)
        if volume is None:
            break  # in no pool: what the domain's own XML says is all that is known
        chain.append(volume.path())  # a device has several: /dev/mapper/vg0-a is the pool's /dev/vg0/a
        path = ET.fromstring(volume.XMLDesc()).findtext("./backingStore/path", "")
    return chain


def _volume(connection: libvirt.virConnect, path: str) -> libvirt.virStorageVol | None:
    try:
        return connection.storageVolLookupByPath(path)
    except libvirt.libvirtError as error:
        if error.get_error_code() == libvirt.VIR_ERR_NO_STORAGE_VOL:
            return None
        raise
