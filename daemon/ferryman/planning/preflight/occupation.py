"""What the VM is busy with, and whether its guest listens."""

from __future__ import annotations

from ferryman.fleet.machine import DomainJob, JobKind
from ferryman.fleet.values import Power
from ferryman.planning.findings import Finding, FindingCode
from ferryman.planning.preflight.ends import ReadEnds, blocker, warning


def occupation_findings(ends: ReadEnds) -> list[Finding]:
    """A job that holds the VM, and an agent that does not answer."""
    return [*_job_findings(ends), *_agent_findings(ends)]


def _job_findings(ends: ReadEnds) -> list[Finding]:
    job, vm, host = ends.vm.job, ends.vm.domain.name, ends.source.host
    if job.kind is JobKind.NONE:
        return []
    return [
        blocker(
            FindingCode.JOB_RUNNING,
            f"{host} is busy with a job on it: {_words(job)}",
            f"It is looked at again when that is over. {_look(job, vm)} (on {host})",
        )
    ]


def _words(job: DomainJob) -> str:
    return f"a block job on {job.disk}" if job.kind is JobKind.BLOCK else job.kind.value


def _look(job: DomainJob, vm: str) -> str:
    if job.kind is JobKind.BLOCK:
        return f"See how far: virsh blockjob {vm} {job.disk} --info; or end it: virsh blockjob {vm} {job.disk} --abort"
    return f"See how far: virsh domjobinfo {vm}; or end it: virsh domjobabort {vm}"


def _agent_findings(ends: ReadEnds) -> list[Finding]:
    if ends.vm.domain.power is not Power.RUNNING or ends.vm.needs.guest_agent is not False:
        return []
    return [
        warning(
            FindingCode.AGENT_SILENT,
            "no guest agent answers in it: it is asked to shut down by ACPI only, which some guests ignore",
            "Install it in the guest (on Debian: apt install qemu-guest-agent), with a channel in the definition.",
        )
    ]
