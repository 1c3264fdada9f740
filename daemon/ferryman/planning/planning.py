"""Second step of a decision: one destination looked at closely, and a plan or a refusal made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ferryman.fleet.values import Power, VolumeRef
from ferryman.planning.aiming import Aim
from ferryman.planning.copying import conversion_findings, image_copy
from ferryman.planning.decisions import DiskPlan, DiskTransfer, Plan, Refused, Severity, StallReason
from ferryman.planning.encryption import NOTHING_SENT, encryption
from ferryman.planning.methods import NoChoice, choose
from ferryman.planning.placement import Fleet
from ferryman.planning.preflight import Ends, findings
from ferryman.planning.storage import Leftover, disk_plans
from ferryman.planning.switchover import switch_over
from ferryman.specs.models import VmSpec


def plan(aim: Aim, spec: VmSpec, fleet: Fleet, ends: Ends, leftovers: Mapping[VolumeRef, Leftover]) -> Plan | Refused:
    """The move to one destination, or everything that stands against it. `leftovers` are those at the destination."""
    disks, storage_findings = disk_plans(ends.vm, spec.storage, ends.destination, leftovers)
    running = ends.vm.domain.power is Power.RUNNING
    way = image_copy(spec, fleet.hosts[aim.source], fleet.hosts[ends.destination.reading.host], running=running)
    destination_spec = fleet.hosts[ends.destination.reading.host]
    privacy = (
        encryption(spec.encryption, ends.source, ends.destination.reading, destination_spec)
        if _sends_anything(ends, disks)
        else NOTHING_SENT
    )
    everything = (*findings(ends, fleet), *storage_findings, *conversion_findings(disks, way), *privacy.findings)
    choice = choose(spec, ends.vm, everything)
    destination = ends.destination.reading.host
    if isinstance(choice, NoChoice):
        return Refused(
            vm=spec.name,
            reason=StallReason.PREFLIGHT,
            findings=choice.findings,
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
        warnings=tuple(finding for finding in everything if finding.severity is Severity.WARNING),
        priority=spec.placement.priority,
        autostart=ends.vm.autostart,
        switch_over=switch_over(ends.vm, ends.source),
        image_copy=way,
        home=spec.host,
        encrypted=privacy.encrypted,
        plain_because=privacy.plain_because,
        tls_name=privacy.tls_name,
    )


def _sends_anything(ends: Ends, disks: Sequence[DiskPlan]) -> bool:
    return ends.vm.domain.power is not Power.SHUT_OFF or any(disk.transfer is DiskTransfer.COPY for disk in disks)


def merged(refusals: Sequence[Refused]) -> Refused:
    """One refusal for a VM that no destination can take: every destination's findings."""
    first = refusals[0]
    found = tuple(dict.fromkeys(finding for refusal in refusals for finding in refusal.findings))
    return Refused(vm=first.vm, reason=first.reason, findings=found, destination=first.destination, cause=first.cause)
