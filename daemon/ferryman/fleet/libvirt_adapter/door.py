"""Opening connections to one host's libvirtd, each within a deadline."""

from __future__ import annotations

from concurrent.futures import Future
from pathlib import Path
from urllib.parse import urlencode, urlsplit, urlunsplit

import libvirt

from ferryman.fleet.deadlines import begin, result_within
from ferryman.fleet.errors import HostHangsError, HostUnreachableError
from ferryman.fleet.ssh.command import ssh_command
from ferryman.specs.fields import bracketed
from ferryman.specs.host_spec import HostSpec

KEEPALIVE_INTERVAL_S = 3
KEEPALIVE_COUNT = 3
"""A silent peer is given up after interval x (count + 1) = 12 s, so that no call hangs for longer."""
OPEN_WITHIN_S = 15.0
"""Keepalive begins with the open connection: a libvirtd that is stopped before that would be waited for for ever."""
MOST_OPENING = 3
"""Late openings, each with an ssh of its own, that may wait for a libvirtd that hangs."""


class LibvirtDoor:
    """Safe from several threads."""

    def __init__(self, spec: HostSpec) -> None:
        self._spec = spec
        self._late: list[Future[libvirt.virConnect]] = []
        """Openings that nobody waits for any more."""

    def open(self) -> libvirt.virConnect:
        """A new connection. Raises HostUnreachableError; HostHangsError where libvirtd does not answer in time."""
        self._late = [opening for opening in self._late if not opening.done()]
        if len(self._late) >= MOST_OPENING:
            raise self._hangs(f"{MOST_OPENING} connections wait for it")
        opening = begin(f"open {self._spec.name}", self._open)
        try:
            return result_within(opening, OPEN_WITHIN_S)
        except TimeoutError as error:
            self._late.append(opening)
            opening.add_done_callback(_close_late)
            raise self._hangs(str(error)) from error

    def unreachable(self, error: libvirt.libvirtError) -> HostUnreachableError:
        """What a lost connection comes to."""
        return HostUnreachableError(
            f"{self._spec.name}: libvirt does not answer: {error.get_error_message() or error}",
            f"Check libvirtd there: virsh -c '{self._spec.uri}' list",
        )

    def _open(self) -> libvirt.virConnect:
        try:
            connection = libvirt.open(connection_uri(self._spec))
            connection.setKeepAlive(KEEPALIVE_INTERVAL_S, KEEPALIVE_COUNT)
        except libvirt.libvirtError as error:
            raise self.unreachable(error) from error
        return connection

    def _hangs(self, how: str) -> HostHangsError:
        return HostHangsError(
            f"{self._spec.name}: libvirtd hangs: {how}",
            f"Restart it there (systemctl restart libvirtd; its VMs run on), then: virsh -c '{self._spec.uri}' list",
        )


def connection_uri(spec: HostSpec) -> str:
    """The URI that libvirt is given: the spec's, with `[ssh]` worked in and never asking at a terminal.

    See libvirt's "Remote support" page for `keyfile`, `command` and `no_tty`.
    """
    if not uses_ssh(spec):
        return spec.uri
    url, ssh = urlsplit(spec.uri), spec.ssh
    user, port = ssh.user or url.username, ssh.port or url.port
    netloc = f"{user + '@' if user else ''}{bracketed(url.hostname or spec.name)}{f':{port}' if port else ''}"
    options = {"no_tty": "1"}
    if ssh.identity_file:
        options["keyfile"] = str(Path(ssh.identity_file).expanduser())
    if ssh.known_hosts:
        options["command"] = str(ssh_command(spec.name, ssh.known_hosts))
    query = "&".join(part for part in (url.query, urlencode(options, safe="/")) if part)
    return urlunsplit((url.scheme, netloc, url.path, query, ""))


def uses_ssh(spec: HostSpec) -> bool:
    """Whether libvirt reaches this host through SSH."""
    return urlsplit(spec.uri).scheme == "qemu+ssh"


def _close_late(opening: Future[libvirt.virConnect]) -> None:
    """It came too late: nobody waits for it."""
    if not opening.cancelled() and opening.exception() is None:
        _close_quietly(opening.result())


def let_go(connection: libvirt.virConnect) -> None:
    """Close it without waiting: a libvirtd that hangs is asked to close, and does not answer."""
    begin("close a connection", lambda: _close_quietly(connection))


def _close_quietly(connection: libvirt.virConnect) -> None:
    try:
        connection.close()
    except libvirt.libvirtError:
        return  # it is gone already
