"""Second step of a decision: one destination looked at closely, and a plan or a refusal made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ferryman.fleet.values import Power, VolumeRef
from ferryman.planning.aiming import Aim
from ferryman.planning.copying import conversion_findings, image_copy, stream_is_encrypted
from ferryman.planning.decisions import DiskPlan, DiskTransfer, Finding, ImageCopy, Plan, Refused, Severity, StallReason
from ferryman.planning.encryption import NOTHING_SENT, EncryptionChoice, cold_encryption, encryption
from ferryman.planning.methods import NoChoice, choose
from ferryman.planning.placement import Fleet
from ferryman.planning.preflight import STANDS_AGAINST, Ends, findings
from ferryman.planning.storage import Leftover, disk_plans
from ferryman.planning.switchover import switch_over
from ferryman.specs.models import HostSpec, Method, VmSpec


def plan(aim: Aim, spec: VmSpec, fleet: Fleet, ends: Ends, leftovers: Mapping[VolumeRef, Leftover]) -> Plan | Refused:
    """The move to one destination, or everything that stands against it. `leftovers` are those at the destination."""
    disks, storage_findings = disk_plans(ends.vm, spec.storage, ends.destination, leftovers)
    running = ends.vm.domain.power is Power.RUNNING
    hosts = fleet.hosts[aim.source], fleet.hosts[ends.destination.reading.host]
    way = image_copy(spec, *hosts, running=running)
    live = _live_encryption(spec, ends, hosts[1])
    cold = _cold_encryption(spec, disks, way, stream_is_encrypted=stream_is_encrypted(*hosts))
    everything = (
        *findings(ends, fleet),
        *storage_findings,
        *conversion_findings(disks, way),
        *live.findings,
        *cold.findings,
    )
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
    privacy = cold if choice.method is Method.COLD else live
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
        warnings=_warnings(choice.method, everything),
        priority=spec.placement.priority,
        autostart=ends.vm.autostart,
        switch_over=switch_over(ends.vm, ends.source),
        image_copy=way,
        home=spec.host,
        encrypted=privacy.encrypted,
        plain_because=privacy.plain_because,
        tls_name=privacy.tls_name,
    )


def _warnings(method: Method, everything: Sequence[Finding]) -> tuple[Finding, ...]:
    """Those that concern the method."""
    return tuple(
        finding
        for finding in everything
        if finding.severity is Severity.WARNING and method in STANDS_AGAINST.get(finding.code, frozenset(Method))
    )


def _live_encryption(spec: VmSpec, ends: Ends, to: HostSpec) -> EncryptionChoice:
    if ends.vm.domain.power is Power.SHUT_OFF:
        return NOTHING_SENT
    return encryption(spec.encryption, ends.source, ends.destination.reading, to)


def _cold_encryption(
    spec: VmSpec, disks: Sequence[DiskPlan], way: ImageCopy, *, stream_is_encrypted: bool
) -> EncryptionChoice:
    if not any(disk.transfer is DiskTransfer.COPY for disk in disks):
        return NOTHING_SENT
    return cold_encryption(spec.encryption, way, stream_is_encrypted=stream_is_encrypted)


def merged(refusals: Sequence[Refused]) -> Refused:
    """One refusal for a VM that no destination can take: every destination's findings."""
    first = refusals[0]
    found = tuple(dict.fromkeys(finding for refusal in refusals for finding in refusal.findings))
    return Refused(vm=first.vm, reason=first.reason, findings=found, destination=first.destination, cause=first.cause)
