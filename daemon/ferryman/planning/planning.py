"""Second step of a decision: one destination looked at closely, and a plan or a refusal made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ferryman.fleet.values import Power, VolumeRef
from ferryman.planning.aiming import Aim
from ferryman.planning.arriving import adaptation, storage_at
from ferryman.planning.copying import conversion_findings, image_copy
from ferryman.planning.decisions import Finding, Plan, Refused, Severity, StallReason
from ferryman.planning.methods import NoChoice, choose
from ferryman.planning.placement import Fleet
from ferryman.planning.preflight import Ends, findings, matters
from ferryman.planning.storage import Leftover, disk_plans
from ferryman.planning.switchover import switch_over
from ferryman.specs.models import Method, VmSpec


def plan(aim: Aim, spec: VmSpec, fleet: Fleet, ends: Ends, leftovers: Mapping[VolumeRef, Leftover]) -> Plan | Refused:
    """The move to one destination, or everything that stands against it. `leftovers` are those at the destination."""
    destination = ends.destination.reading.host
    arrivals = fleet.hosts[destination].arrivals
    disks, storage_findings = disk_plans(ends.vm, storage_at(spec.storage, arrivals), ends.destination, leftovers)
    running = ends.vm.domain.power is Power.RUNNING
    way = image_copy(spec, fleet.hosts[aim.source], fleet.hosts[destination], running=running)
    everything = (
        *findings(ends, fleet, disks, eject_cdrom=spec.eject_cdrom),
        *storage_findings,
        *conversion_findings(disks, way),
    )
    choice = choose(spec, ends.vm, everything)
    if isinstance(choice, NoChoice):
        return Refused(
            vm=spec.name,
            reason=StallReason.PREFLIGHT,
            findings=(*choice.findings, *_warnings(everything, *_thinkable(spec, ends))),
            destination=destination,
            cause=aim.cause,
        )
    return Plan(
        vm=spec.name,
        uuid=ends.vm.domain.uuid,
        source=aim.source,
        destination=destination,
        method=choice.method,
        cause=aim.cause,
        why=f"{aim.why}; {choice.why}",
        running=running,
        memory_mib=ends.vm.domain.memory_mib,
        disks=disks,
        rejected=choice.rejected,
        warnings=_warnings(everything, choice.method),
        priority=spec.placement.priority,
        autostart=ends.vm.autostart,
        switch_over=switch_over(ends.vm, ends.source),
        image_copy=way,
        home=spec.host,
        adaptation=adaptation(ends.vm, disks, ends.destination, arrivals, eject_cdrom=spec.eject_cdrom),
    )


def _warnings(everything: Sequence[Finding], *methods: Method) -> tuple[Finding, ...]:
    """Those that concern one of these methods."""
    return tuple(
        finding
        for finding in everything
        if finding.severity is Severity.WARNING and any(matters(finding, method) for method in methods)
    )


def _thinkable(spec: VmSpec, ends: Ends) -> tuple[Method, ...]:
    """The methods that its spec leaves, if nothing stood against them."""
    if ends.vm.domain.power is Power.SHUT_OFF:
        return (Method.COLD,)
    return spec.allow if spec.method is Method.AUTO else (spec.method,)


def merged(refusals: Sequence[Refused]) -> Refused:
    """One refusal for a VM that no destination can take: every destination's findings."""
    first = refusals[0]
    found = tuple(dict.fromkeys(finding for refusal in refusals for finding in refusal.findings))
    return Refused(vm=first.vm, reason=first.reason, findings=found, destination=first.destination, cause=first.cause)
