"""Second step of a decision: one destination looked at closely, and a plan or a refusal made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ferryman.fleet.values import DirtyRate, Power, VolumeRef
from ferryman.planning.aiming import Aim
from ferryman.planning.arriving import adaptation, storage_at
from ferryman.planning.copying import conversion_findings, image_copy, machine_file_findings
from ferryman.planning.decisions import (
    DiskPlan,
    DiskTransfer,
    Finding,
    FindingCode,
    ImageCopy,
    Plan,
    Refused,
    Severity,
    StallReason,
)
from ferryman.planning.encryption import privacy
from ferryman.planning.links import Link, link
from ferryman.planning.methods import NoChoice, candidates, choose
from ferryman.planning.placement import Fleet
from ferryman.planning.prediction import NOTHING_KNOWN, Knowledge, Task, predictions
from ferryman.planning.preflight import Ends, findings, matters
from ferryman.planning.storage import Leftover, disk_plans
from ferryman.planning.switchover import switch_over
from ferryman.specs.models import Method, VmSpec

_BYTES_PER_MIB = 1024 * 1024


def plan(
    aim: Aim,
    spec: VmSpec,
    fleet: Fleet,
    ends: Ends,
    leftovers: Mapping[VolumeRef, Leftover],
    known: Knowledge = NOTHING_KNOWN,
) -> Plan | Refused:
    """The move to one destination, or everything that stands against it. `leftovers` are those at the destination."""
    here, there = fleet.hosts[aim.source], fleet.hosts[ends.destination.reading.host]
    storage = storage_at(spec.storage, there.arrivals)
    disks, storage_findings = disk_plans(ends.vm, storage, ends.destination, leftovers)
    running = ends.vm.domain.power is Power.RUNNING
    way = image_copy(spec, here, there, running=running)
    private = privacy(spec, ends, disks, way, (here, there))
    everything = (
        *findings(ends, fleet, disks, eject_cdrom=spec.eject_cdrom),
        *storage_findings,
        *conversion_findings(disks, way),
        *machine_file_findings(ends.vm, way),
        *private.findings,
    )
    task = _task(ends, disks, link(here, there, known.history), way)
    choice = choose(spec, ends.vm, everything, predictions(candidates(spec, ends.vm), task, known))
    if isinstance(choice, NoChoice):
        return Refused(
            vm=spec.name,
            reason=_stall(choice.findings),
            findings=(*choice.findings, *_warnings(everything, *_thinkable(spec, ends))),
            destination=there.name,
            cause=aim.cause,
        )
    return Plan(
        vm=spec.name,
        uuid=ends.vm.domain.uuid,
        source=aim.source,
        destination=there.name,
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
        switch_over=task.switch_over,
        image_copy=way,
        home=spec.host,
        encrypted=private.by(choice.method).encrypted,
        plain_because=private.by(choice.method).plain_because,
        tls_name=private.by(choice.method).tls_name,
        adaptation=adaptation(ends.vm, disks, ends.destination, there.arrivals, eject_cdrom=spec.eject_cdrom),
        predictions=choice.predictions,
        dirty_bytes_s=known.dirty.bytes_s if isinstance(known.dirty, DirtyRate) else None,
    )


def _task(ends: Ends, disks: Sequence[DiskPlan], over: Link, way: ImageCopy) -> Task:
    """What predictions are made of."""
    return Task(
        vm=ends.vm.domain.name,
        source=ends.source.host,
        destination=ends.destination.reading.host,
        memory_bytes=ends.vm.domain.memory_mib * _BYTES_PER_MIB,
        disk_bytes=sum(disk.source.allocation_bytes for disk in disks if disk.transfer is DiskTransfer.COPY),
        link=over,
        switch_over=switch_over(ends.vm, ends.source),
        mirrored=way is ImageCopy.MIRROR,
    )


def _stall(found: Sequence[Finding]) -> StallReason:
    only_promise = all(finding.code is FindingCode.PROMISE_BROKEN for finding in found)
    return StallReason.PROMISE if only_promise else StallReason.PREFLIGHT


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
