"""The types that spec fields share: what a name, a port, an address and a hypervisor URI may look like."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Annotated
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, Field

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"

Name = Annotated[str, Field(pattern=NAME_PATTERN)]
"""A host's or a VM's name: it is also a file's name."""


def _possible_address(value: str) -> str:
    """What looks like an IP address is one: 10.44.0.300 is neither that nor a host's name."""
    if ":" in value or re.fullmatch(r"[0-9.]+", value):
        try:
            ip_address(value)
        except ValueError:
            raise ValueError(f'"{value}" is no IP address: four numbers from 0 to 255, or an IPv6 address') from None
    return value


Address = Annotated[str, Field(pattern=r"^[A-Za-z0-9:][A-Za-z0-9.:_%-]{0,252}$"), AfterValidator(_possible_address)]
"""A host name or an IP address, without scheme or port."""

Port = Annotated[int, Field(ge=1, le=65535)]

PoolName = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^/\x00-\x1f]+$")]

USER_PATTERN = r"^[A-Za-z_][A-Za-z0-9_.-]{0,63}$"

UserName = Annotated[str, Field(pattern=USER_PATTERN)]

_SCHEMES = ("qemu+ssh", "qemu+tcp")
_URI_HOST = r"[a-z0-9_][a-z0-9._-]{0,252}|[0-9a-f.]*:[0-9a-f:.]*(%[a-z0-9._-]+)?"
"""As `urlsplit` gives it, in lower case. Nothing escaped: libvirt would read it as what it stands for."""
_PATHS = ("/system", "/session")
_OPTIONS = frozenset({"keyfile", "mode", "no_tty", "proxy", "socket"})
"""Of libvirt's URI options, those that run no program, as `command` and `netcat` do, and skip no check."""


def _hypervisor_uri(value: str) -> str:
    """A libvirt URI that names a remote QEMU host, and that keeps no secret and skips no check."""
    if re.search(r"[\s\x00-\x1f\x7f]", value):
        raise ValueError("must not contain blanks or control characters")
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"is not a URI: {error}") from error
    if parts.scheme not in _SCHEMES:
        raise ValueError("must begin with qemu+ssh:// or qemu+tcp://")
    if not parts.hostname or not re.fullmatch(_URI_HOST, parts.hostname):
        raise ValueError("must name a host, as in qemu+ssh://root@tallinn/system")
    _possible_address(parts.hostname)
    if parts.username is not None and not re.fullmatch(USER_PATTERN, parts.username):
        raise ValueError("must name a user of letters, digits, '.', '_' and '-', as in qemu+ssh://root@tallinn/system")
    if port == 0:
        raise ValueError("must have a port from 1 to 65535")
    if parts.password is not None:
        raise ValueError("must not contain a password: use a key")
    if parts.path not in _PATHS:
        raise ValueError("must end in /system (or /session), as in qemu+ssh://root@tallinn/system")
    _uri_options(parts.query)
    return value


def _uri_options(query: str) -> None:
    """Read as libvirt reads it: separated by & or ;, names in upper or lower case. Raises ValueError."""
    for part in re.split("[&;]", query):
        name = unquote(part.partition("=")[0]).lower()
        if name.startswith("no_verify"):
            raise ValueError("must not switch host key checks off (no_verify): add the host's key to known_hosts")
        if part and name not in _OPTIONS:
            raise ValueError(
                f"must not set {name or part}: of libvirt's options {', '.join(sorted(_OPTIONS))} may be set here"
            )


def _local_path(value: str) -> str:
    """A path that means the same wherever the daemon is started."""
    if not value.startswith(("/", "~/")) or "\0" in value:
        raise ValueError("must be an absolute path or begin with ~/")
    return value


DiskTarget = Annotated[str, Field(pattern=r"^[a-z]{2,3}[a-z]{1,2}$")]
"""vda, sdb, …"""

VolumePath = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.+-]{0,127}/[A-Za-z0-9][A-Za-z0-9_.+-]{0,254}$")]
"""POOL/VOLUME."""

HypervisorUri = Annotated[
    str,
    Field(max_length=1024, json_schema_extra={"pattern": r"^qemu\+(ssh|tcp)://[^/\s]+/(system|session)(\?.*)?$"}),
    AfterValidator(_hypervisor_uri),
]

LocalPath = Annotated[str, Field(json_schema_extra={"pattern": r"^(/|~/)"}), AfterValidator(_local_path)]


def bracketed(host: str) -> str:
    """A host as it stands in a URI: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host else host


def uri_host(uri: str) -> str:
    """The host that a checked hypervisor URI names; an IPv6 address without its brackets."""
    return urlsplit(uri).hostname or ""
