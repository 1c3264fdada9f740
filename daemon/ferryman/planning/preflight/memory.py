"""Memory at the destination."""

from __future__ import annotations

from ferryman.fleet.values import Power
from ferryman.planning.findings import Finding, FindingCode
from ferryman.planning.placement import Fleet, spare_memory_mib
from ferryman.planning.preflight.ends import Ends, blocker


def memory_findings(ends: Ends, fleet: Fleet) -> list[Finding]:
    """A VM that is off needs none."""
    if ends.vm.domain.power is Power.SHUT_OFF:
        return []
    there = ends.destination.reading
    spare = spare_memory_mib(there, fleet)
    if spare >= ends.vm.domain.memory_mib:
        return []
    return [
        blocker(
            FindingCode.MEMORY_SHORT,
            f"{there.host} has {spare} MiB of memory to spare, the VM needs {ends.vm.domain.memory_mib} MiB",
            f"Move a VM away from {there.host}, or lower [capacity] reserve_memory_mib in its spec.",
        )
    ]
