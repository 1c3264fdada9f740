"""Where a VM is probed from while it moves."""

from __future__ import annotations

from ferryman.planning.findings import Finding, FindingCode
from ferryman.planning.preflight.ends import ReadEnds, warning
from ferryman.specs.vm_spec import ProbeSpec


def probe_findings(probe: ProbeSpec, ends: ReadEnds) -> list[Finding]:
    """An end of the move sees less of its network than the VM's users do."""
    if probe.from_host not in (ends.source.host, ends.destination.reading.host):
        return []
    return [
        warning(
            FindingCode.PROBED_FROM_AN_END,
            f"it is probed from {probe.from_host}, an end of its move: the way from there to its users is left out",
            f"Name a third host in vms/{ends.vm.domain.name}.toml: [probe] from, or none.",
        )
    ]
