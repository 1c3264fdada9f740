"""How fast a guest writes to its memory, as QEMU counts it.

By sampling pages: QEMU hashes some pages of the guest's memory (512 of a GiB), looks at them again later, and counts
those that differ. That neither slows the guest down nor touches the marks of written pages that a migration goes by,
which its two other ways do. One page of a small guest's few samples stands for 2 MiB.
"""

from __future__ import annotations

import time
from typing import Any

import libvirt

from ferryman.fleet.values import DirtyRate

_SECOND, _WATCHED_S = 1, 4
"""Watched twice: how fast it writes at all, and how much of that goes to pages that it wrote a moment before. A pass of
a migration takes some seconds, too."""
_PATIENCE_S = 3.0
"""Beyond the time that is asked for: QEMU's thread may have to wait for a processor."""
_LOOK_EVERY_S = 0.05
_BYTES_PER_MIB = 1024 * 1024
_CANNOT = frozenset(
    {
        libvirt.VIR_ERR_NO_SUPPORT,
        libvirt.VIR_ERR_OPERATION_UNSUPPORTED,
        libvirt.VIR_ERR_CONFIG_UNSUPPORTED,
        libvirt.VIR_ERR_OPERATION_INVALID,
    }
)
"""An old libvirt or QEMU; a VM that does not run."""


def measured_dirty_rate(connection: libvirt.virConnect, domain: libvirt.virDomain) -> DirtyRate | None:
    """Measure for some seconds; None where that cannot be had. Raises libvirtError."""
    in_a_second = _written_bytes(connection, domain, _SECOND)
    if in_a_second is None:
        return None
    try:
        watched = _written_bytes(connection, domain, _WATCHED_S)
    except libvirt.libvirtError:
        watched = None  # somebody else began to measure, or it is gone; the first figure holds
    if watched is None:
        return DirtyRate(bytes_s=in_a_second)
    return DirtyRate(bytes_s=in_a_second, watched_bytes=watched, watched_s=_WATCHED_S)


def _written_bytes(connection: libvirt.virConnect, domain: libvirt.virDomain, for_s: int) -> int | None:
    try:
        domain.startDirtyRateCalc(for_s, libvirt.VIR_DOMAIN_DIRTYRATE_MODE_PAGE_SAMPLING)
    except libvirt.libvirtError as error:
        if error.get_error_code() in _CANNOT:
            return None
        raise
    deadline = time.monotonic() + for_s + _PATIENCE_S
    time.sleep(for_s)
    while time.monotonic() < deadline:
        figures = _figures(connection, domain)
        if figures.get("dirtyrate.calc_status") == libvirt.VIR_DOMAIN_DIRTYRATE_MEASURED:
            return int(figures["dirtyrate.megabytes_per_second"]) * for_s * _BYTES_PER_MIB
        time.sleep(_LOOK_EVERY_S)
    return None


def _figures(connection: libvirt.virConnect, domain: libvirt.virDomain) -> dict[str, Any]:
    answers = connection.domainListGetStats([domain], libvirt.VIR_DOMAIN_STATS_DIRTYRATE)
    return answers[0][1] if answers else {}
