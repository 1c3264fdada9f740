"""Announcing a guest's place in the network once more, through libvirt.

libvirt has no call for it, so the command goes to QEMU's monitor, and libvirt marks the domain as tainted
(`custom-monitor`) until it is next started. See docs/decisions/0013-announcing-again.md.
"""

from __future__ import annotations

import json

import libvirt
import libvirt_qemu

from ferryman.fleet.errors import FailureKind, OperationFailedError

_ONCE = {"rounds": 1, "initial": 10, "max": 10, "step": 10}
"""Now, and not again: when to do it again is not QEMU's to decide. It wants all four, in ms."""
_COMMAND = json.dumps({"execute": "announce-self", "arguments": _ONCE})


def announce(host: str, domain: libvirt.virDomain) -> None:
    """By every network card of a running guest. Raises OperationFailedError, libvirtError."""
    if domain.state()[0] != libvirt.VIR_DOMAIN_RUNNING:
        raise _refused(host, domain, "it does not run")
    error = json.loads(libvirt_qemu.qemuMonitorCommand(domain, _COMMAND, 0)).get("error")
    if error is not None:
        raise _refused(host, domain, str(error.get("desc")))


def _refused(host: str, domain: libvirt.virDomain, why: str) -> OperationFailedError:
    return OperationFailedError(
        FailureKind.OTHER,
        f"{host}: announcing {domain.name()}: {why}",
        "QEMU 4.0 and later announces a running guest; to do without: [probe] announce = false in its spec.",
    )
