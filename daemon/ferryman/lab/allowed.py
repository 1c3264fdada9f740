"""What a lab may be asked for: folders, names and subnets that can serve. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import IPv4Network
from pathlib import Path

DEFAULT_FOLDER = Path("/var/lib/ferryman-lab")
DEFAULT_HOSTS = ("tallinn", "skopje")
DEFAULT_SUBNET = "10.77.0.0/24"
STORAGE_HOST = "storage"

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?")
_RESERVED = frozenset({"localhost", "operator", STORAGE_HOST})


class LayoutError(ValueError):
    """The lab that was asked for cannot be laid out; the message says what to change."""


def check_folder(folder: Path) -> None:
    """Raise LayoutError where a host's own mounts would hide the folder from it."""
    hidden = ("/run", "/var/run", "/etc", "/proc", "/sys", "/var/lib/libvirt", "/var/log/libvirt", "/var/cache/libvirt")
    if not folder.is_absolute() or ".." in folder.parts:
        raise LayoutError(f"the lab's folder must be an absolute path, not {folder}")
    if folder in (Path("/"), Path("/root"), Path("/var/lib"), Path("/var"), Path("/home"), Path("/tmp")):  # noqa: S108 - refused, not used
        raise LayoutError(f"{folder} is not a folder of the lab's own; give it one, like {DEFAULT_FOLDER}")
    if any(folder.is_relative_to(path) for path in hidden) or ".ssh" in folder.parts:
        raise LayoutError(f"{folder} would be hidden by the hosts' own mounts; use one like {DEFAULT_FOLDER}")


def check_guest_name(name: str) -> None:
    """Raise LayoutError where a guest cannot have this name."""
    if not _NAME.fullmatch(name):
        raise LayoutError(f"{name!r} cannot name a guest: use up to 32 of a-z, 0-9 and '-'")


def network_of(subnet: str) -> IPv4Network:
    """The subnet; LayoutError where it is none, or too small."""
    try:
        network = IPv4Network(subnet)
    except ValueError as error:
        raise LayoutError(f"{subnet!r} is not an IPv4 subnet ({error}); write it like {DEFAULT_SUBNET}") from error
    if network.prefixlen > 24:
        raise LayoutError(f"{subnet} is too small for hosts and guests; use a /24 or larger")
    return network


def check_host_names(names: Sequence[str]) -> None:
    """Raise LayoutError where a lab cannot have these hosts."""
    if len(names) < 2:
        raise LayoutError("a lab needs at least two hosts; repeat --host NAME")
    if len(set(names)) != len(names):
        raise LayoutError(f"a host is named twice in {', '.join(names)}; give each its own name")
    for name in names:
        if not _NAME.fullmatch(name) or name in _RESERVED:
            raise LayoutError(f"{name!r} cannot name a host: use up to 32 of a-z, 0-9 and '-'")
