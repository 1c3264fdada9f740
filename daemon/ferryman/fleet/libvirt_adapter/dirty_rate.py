"""How fast a guest writes to its memory, as QEMU counts it.

By sampling pages: QEMU hashes some pages of the guest's memory (512 of a GiB), looks at them again after a second, and
counts those that differ. That neither slows the guest down nor touches the marks of written pages that a migration
goes by, which its two other ways do. One page of a small guest's few samples stands for 2 MiB.
"""

from __future__ import annotations

import time
from typing import Any

import libvirt

from ferryman.fleet.values import DirtyRate

_SECONDS = 1
_PATIENCE_S = 3.0
"""Beyond the second that is asked for: QEMU's thread may have to wait for a processor."""
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
    """Measure for a second; None where that cannot be had. Raises libvirtError."""
    try:
        domain.startDirtyRateCalc(_SECONDS, libvirt.VIR_DOMAIN_DIRTYRATE_MODE_PAGE_SAMPLING)
    except libvirt.libvirtError as error:
        if error.get_error_code() in _CANNOT:
            return None
        raise
    deadline = time.monotonic() + _SECONDS + _PATIENCE_S
    time.sleep(_SECONDS)
    while time.monotonic() < deadline:
        figures = _figures(connection, domain)
        if figures.get("dirtyrate.calc_status") == libvirt.VIR_DOMAIN_DIRTYRATE_MEASURED:
            return DirtyRate(bytes_s=figures["dirtyrate.megabytes_per_second"] * _BYTES_PER_MIB)
        time.sleep(_LOOK_EVERY_S)
    return None


def _figures(connection: libvirt.virConnect, domain: libvirt.virDomain) -> dict[str, Any]:
    answers = connection.domainListGetStats([domain], libvirt.VIR_DOMAIN_STATS_DIRTYRATE)
    return answers[0][1] if answers else {}
