"""What guests' interfaces can join on one host: its bridges, its own interfaces, libvirt's networks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from xml.etree import ElementTree as ET

import libvirt

_INTERFACES = "/sys/class/net"


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """Network interfaces by name; None where neither libvirt nor SSH can tell."""

    all: frozenset[str] | None
    bridges: frozenset[str] | None
    """Those that are bridges of the kernel's."""


def read_links(connection: libvirt.virConnect, run: Callable[[list[str]], str | None]) -> Links:
    """The host's network interfaces; `run` prints what a command prints there, or None. Raises libvirtError."""
    try:
        kinds = {interface.name(): _kind(interface) for interface in connection.listAllInterfaces()}
    except libvirt.libvirtError as error:
        if error.get_error_code() != libvirt.VIR_ERR_NO_SUPPORT:
            raise
        # Some distributions build libvirt without its interface driver.
        return _links_by_command(run)
    return Links(all=frozenset(kinds), bridges=frozenset(name for name, kind in kinds.items() if kind == "bridge"))


def networks_of(connection: libvirt.virConnect, flags: int) -> frozenset[str]:
    """The names of libvirt's networks of one kind. Raises libvirtError."""
    return frozenset(network.name() for network in connection.listAllNetworks(flags))


def _kind(interface: libvirt.virInterface) -> str:
    try:
        return ET.fromstring(interface.XMLDesc()).get("type", "")
    except libvirt.libvirtError as error:
        if error.get_error_code() != libvirt.VIR_ERR_NO_INTERFACE:
            raise
        return ""  # gone since: guests' own come and go


def _links_by_command(run: Callable[[list[str]], str | None]) -> Links:
    listing = run(["ls", _INTERFACES])
    if listing is None:
        return Links(all=None, bridges=None)
    names = frozenset(listing.split())
    # Only bridges have a folder of this name; `ls` says of the others on stderr that they have none.
    found = run(["ls", "-d", *(f"{_INTERFACES}/{name}/bridge" for name in sorted(names))]) or ""
    return Links(all=names, bridges=frozenset(line.split("/")[-2] for line in found.split()))
