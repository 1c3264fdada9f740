"""What preflight looks at, and how it says what it finds."""

from __future__ import annotations

from dataclasses import dataclass

from ferryman.fleet.host_facts import HostFacts, nothing_known
from ferryman.fleet.machine import UNKNOWN_FIT, Fit
from ferryman.fleet.values import DomainDetail, HostDetail, HostReading
from ferryman.planning.findings import Finding, FindingCode, Severity

_NOTHING = nothing_known("")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadEnds:
    """Both ends of a move as they were read for it."""

    vm: DomainDetail
    source: HostReading
    destination: HostDetail
    fit: Fit = UNKNOWN_FIT
    """What the destination's libvirt says of the VM's machine."""
    source_facts: HostFacts = _NOTHING
    destination_facts: HostFacts = _NOTHING


def blocker(code: FindingCode, reason: str, remedy: str) -> Finding:
    """The VM does not move by the methods that this stands against."""
    return Finding(code=code, severity=Severity.BLOCKER, reason=reason, remedy=remedy)


def warning(code: FindingCode, reason: str, remedy: str) -> Finding:
    """The VM moves all the same."""
    return Finding(code=code, severity=Severity.WARNING, reason=reason, remedy=remedy)
