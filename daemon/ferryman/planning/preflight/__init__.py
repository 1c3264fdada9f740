"""What stands against a move, seen before anything is touched: all findings at once, each with its remedy.

One module for each subject; every one is a pure function of both ends as they were read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ferryman.planning.findings import Finding, FindingCode
from ferryman.planning.placement import Fleet
from ferryman.planning.plans import DiskPlan
from ferryman.planning.preflight.definition import definition_findings
from ferryman.planning.preflight.devices import device_findings, medium_findings
from ferryman.planning.preflight.disks import disk_findings
from ferryman.planning.preflight.ends import ReadEnds as ReadEnds
from ferryman.planning.preflight.firmware import firmware_findings
from ferryman.planning.preflight.identity import identity_findings
from ferryman.planning.preflight.live_obstacles import live_obstacle_findings
from ferryman.planning.preflight.machine import machine_findings
from ferryman.planning.preflight.memory import memory_findings
from ferryman.planning.preflight.network import network_findings
from ferryman.planning.preflight.occupation import occupation_findings
from ferryman.planning.preflight.volumes import volume_findings
from ferryman.planning.preflight.ways import way_findings
from ferryman.planning.switchover import untracked_writes
from ferryman.specs.choices import Method

__all__ = ["STANDS_AGAINST", "Ends", "findings", "matters"]

_RUNNING = frozenset({Method.LIVE, Method.POST_COPY, Method.PAUSED})
_COLD = frozenset({Method.COLD})
STANDS_AGAINST: Mapping[FindingCode, frozenset[Method]] = {
    FindingCode.HOST_DEVICE: _RUNNING,
    FindingCode.LIVE_OBSTACLE: _RUNNING,
    FindingCode.HOST_DEVICE_COLD: _COLD,
    FindingCode.DISK_ONLY_RUNNING: _COLD,
    FindingCode.WRITES_UNTRACKED: frozenset({Method.LIVE, Method.POST_COPY}),
    FindingCode.TRANSIENT: _COLD,
    FindingCode.CONVERSION: _COLD,
    FindingCode.VOLUME_LARGER: _RUNNING,
    FindingCode.VOLUME_LARGER_COLD: _COLD,
    FindingCode.BACKING_CHAIN_COLD: _COLD,
    FindingCode.CPU_LACKING: _RUNNING,
    FindingCode.CPU_LESSER: _COLD,
    FindingCode.MACHINE_FILES_STAY: _COLD,
    FindingCode.AGENT_SILENT: _COLD,
    FindingCode.PORTS_CLOSED: _RUNNING,
    FindingCode.PORTS_CLOSED_COLD: _COLD,
    FindingCode.LIBVIRTD_UNREACHED: _RUNNING,
    FindingCode.IMAGES_UNSERVED: _COLD,
    FindingCode.CONNECTION_UNMENDABLE: frozenset({Method.POST_COPY}),
    FindingCode.USERFAULTFD_FORBIDDEN: frozenset({Method.POST_COPY}),
    FindingCode.DISK_CACHED: _RUNNING,
    FindingCode.DISK_READ_ONLY: _RUNNING,
    FindingCode.PLAIN_TEXT: _COLD,
    FindingCode.CERTIFICATE_MISSING: _RUNNING,
    FindingCode.CERTIFICATE_UNKNOWN: _RUNNING,
}
"""The methods that a finding concerns, where that is not all of them."""
_ALL = frozenset(Method)


def matters(finding: Finding, method: Method) -> bool:
    """Whether a finding concerns moves by this method."""
    return method in STANDS_AGAINST.get(finding.code, _ALL)


def findings(
    ends: ReadEnds, fleet: Fleet, disks: Sequence[DiskPlan] = (), *, eject_cdrom: bool = False
) -> tuple[Finding, ...]:
    """Everything but pools, sizes and space, which `storage.disk_plans` looks at; `disks` are its plans."""
    return (
        *machine_findings(ends),
        *firmware_findings(ends),
        *network_findings(ends, fleet),
        *identity_findings(ends),
        *memory_findings(ends, fleet),
        *device_findings(ends.vm),
        *live_obstacle_findings(ends.vm),
        *definition_findings(ends.vm),
        *medium_findings(ends.vm, eject_cdrom=eject_cdrom),
        *occupation_findings(ends),
        *disk_findings(ends, disks),
        *volume_findings(ends, disks),
        *way_findings(ends),
        *untracked_writes(ends.vm, ends.source),
    )
