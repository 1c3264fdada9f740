"""Second step of a decision: one destination looked at closely, and a plan or a refusal made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ferryman.fleet.storage import VolumeRef
from ferryman.fleet.values import DirtyRate, Power
from ferryman.fleet.xml.adapting import Adaptation
from ferryman.planning.aiming import Aim
from ferryman.planning.arriving import adaptation, storage_at
from ferryman.planning.copying import conversion_findings, image_copy, larger_findings, machine_file_findings
from ferryman.planning.decisions import Refused, StallReason
from ferryman.planning.encryption import tls_for_disks
from ferryman.planning.findings import Finding, FindingCode, Severity
from ferryman.planning.leftover import Leftover
from ferryman.planning.links import Link, link
from ferryman.planning.methods import Choice, candidates, choose
from ferryman.planning.modes import Driver, ImageCopy
from ferryman.planning.placement import Fleet
from ferryman.planning.plans import DiskPlan, DiskTransfer, Plan
from ferryman.planning.prediction import NOTHING_KNOWN, Knowledge, Task, predictions
from ferryman.planning.preflight import ReadEnds, findings, matters
from ferryman.planning.preflight.probing import probe_findings
from ferryman.planning.preflight.ways import cold_port_findings, libvirtd_unreached, serves_images, serving_findings
from ferryman.planning.privacy import Privacy, privacy
from ferryman.planning.storage import disk_plans
from ferryman.planning.switchover import switch_over
from ferryman.specs.choices import Method
from ferryman.specs.vm_spec import VmSpec

_BYTES_PER_MIB = 1024 * 1024
_SYNCHRONOUS_WRITES_SINCE = 8_000_000
"""libvirt's version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """One VM and one destination looked at: what every method is judged by, whichever is chosen."""

    aim: Aim
    spec: VmSpec
    ends: ReadEnds
    known: Knowledge
    disks: tuple[DiskPlan, ...]
    image_copy: ImageCopy
    privacy: Privacy
    findings: tuple[Finding, ...]
    task: Task


def plan(
    aim: Aim,
    spec: VmSpec,
    fleet: Fleet,
    ends: ReadEnds,
    leftovers: Mapping[VolumeRef, Leftover],
    known: Knowledge = NOTHING_KNOWN,
) -> Plan | Refused:
    """The move to one destination, or everything that stands against it. `leftovers` are those at the destination."""
    case = _case(aim, spec, fleet, ends, leftovers, known)
    methods = candidates(spec, ends.vm)
    choice = choose(spec, ends.vm, case.findings, predictions(methods, case.task, known))
    if isinstance(choice, Choice):
        arrivals = fleet.hosts[case.task.destination].arrivals
        return _planned(
            case,
            choice,
            adaptation(ends.vm, case.disks, ends.destination, arrivals, eject_cdrom=spec.eject_cdrom),
        )
    return Refused(
        vm=spec.name,
        reason=_stall(choice.findings),
        # A VM that is off moves as it is, so its warnings are those of the cold method.
        findings=(*choice.findings, *_warnings(case.findings, *(methods or (Method.COLD,)))),
        destination=case.task.destination,
        cause=aim.cause,
    )


def _case(
    aim: Aim,
    spec: VmSpec,
    fleet: Fleet,
    ends: ReadEnds,
    leftovers: Mapping[VolumeRef, Leftover],
    known: Knowledge,
) -> _Case:
    here, there = fleet.hosts[aim.source], fleet.hosts[ends.destination.reading.host]
    disks, storage_findings = disk_plans(ends.vm, storage_at(spec.storage, there.arrivals), ends.destination, leftovers)
    tls = tls_for_disks(ends.source, ends.destination.reading)
    is_running = ends.vm.domain.power is Power.RUNNING
    way = image_copy(spec, here, there, running=is_running, tls=tls, as_root=serves_images(ends))
    private = privacy(spec, ends, disks, way, (here, there))
    return _Case(
        aim=aim,
        spec=spec,
        ends=ends,
        known=known,
        disks=disks,
        image_copy=way,
        privacy=private,
        findings=(
            *findings(ends, fleet, disks, eject_cdrom=spec.eject_cdrom),
            *probe_findings(spec.probe, ends),
            *storage_findings,
            *conversion_findings(disks, way),
            *larger_findings(ends.vm, disks, ends.destination, way),
            *machine_file_findings(ends.vm, way),
            *cold_port_findings(ends, disks, way),
            *serving_findings(ends, disks),
            *private.findings,
        ),
        task=_task(ends, disks, link(here, there, known.history), way),
    )


def _planned(case: _Case, choice: Choice, adapted: Adaptation) -> Plan:
    aim, domain, private = case.aim, case.ends.vm.domain, case.privacy.by(choice.method)
    dirty = case.known.dirty
    unreached = (
        "" if choice.method is Method.COLD else libvirtd_unreached(case.ends.source_facts, case.task.destination)
    )
    return Plan(
        vm=case.spec.name,
        uuid=domain.uuid,
        source=aim.source,
        destination=case.task.destination,
        method=choice.method,
        cause=aim.cause,
        why=f"{aim.why}; {choice.why}",
        running=domain.power is Power.RUNNING,
        memory_mib=domain.memory_mib,
        disks=case.disks,
        rejected=choice.rejected,
        warnings=_warnings(case.findings, choice.method),
        priority=case.spec.placement.priority,
        autostart=case.ends.vm.autostart,
        switch_over=case.task.switch_over,
        synchronous_writes=_writes_synchronously(case),
        driven_by=Driver.DAEMON if unreached else Driver.SOURCE,
        driven_because=unreached,
        image_copy=case.image_copy,
        home=case.spec.host,
        source_machine=case.ends.source.uuid,
        destination_machine=case.ends.destination.reading.uuid,
        encrypted=private.encrypted,
        plain_because=private.plain_because,
        tls_name=private.tls_name,
        adaptation=adapted,
        predictions=choice.predictions,
        dirty=dirty if isinstance(dirty, DirtyRate) else None,
    )


def _writes_synchronously(case: _Case) -> bool:
    """Where its spec lets a guest be slowed down, and both libvirts know how: the destination's is told the same."""
    versions = (case.ends.source.libvirt_version, case.ends.destination.reading.libvirt_version)
    return case.spec.live.auto_converge and min(versions) >= _SYNCHRONOUS_WRITES_SINCE


def _task(ends: ReadEnds, disks: Sequence[DiskPlan], over: Link, way: ImageCopy) -> Task:
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


def merged(refusals: Sequence[Refused]) -> Refused:
    """One refusal for a VM that no destination can take: every destination's findings."""
    first = refusals[0]
    found = tuple(dict.fromkeys(finding for refusal in refusals for finding in refusal.findings))
    return Refused(vm=first.vm, reason=first.reason, findings=found, destination=first.destination, cause=first.cause)
