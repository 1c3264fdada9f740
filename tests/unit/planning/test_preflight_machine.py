"""Processor, emulator, firmware, TPM, jobs: what QEMU at the destination would have to take over."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from readings import UUID, detail, domain, ends, fleet, host_detail, reading

from ferryman.fleet.machine import CpuFit, DomainJob, Fit, JobKind, MachineNeeds, Tpm
from ferryman.fleet.values import Power
from ferryman.planning.findings import Finding, FindingCode, Severity
from ferryman.planning.preflight import findings, matters
from ferryman.specs.choices import Method

RUNNING = {Method.LIVE, Method.POST_COPY, Method.PAUSED}
LACKING = Fit(cpu=CpuFit.LACKING, cpu_says="Host CPU does not provide required features: avx512f", emulator=True)


def found(**more: Any) -> dict[FindingCode, Finding]:
    return {finding.code: finding for finding in findings(ends(**more), fleet())}


def against(finding: Finding) -> set[Method]:
    return {method for method in Method if method is not Method.AUTO and matters(finding, method)}


def needing(**needs: Any) -> Any:
    return detail(needs=MachineNeeds(**needs))


class TestTheProcessor:
    def test_one_that_is_lacking_stands_against_moving_while_it_runs(self) -> None:
        lacking = found(fit=LACKING)[FindingCode.CPU_LACKING]
        assert (lacking.severity, against(lacking)) == (Severity.BLOCKER, RUNNING)
        assert "avx512f" in lacking.reason
        assert "hypervisor-cpu-baseline" in lacking.remedy

    def test_shut_down_it_moves_with_a_warning(self) -> None:
        lesser = found(fit=LACKING)[FindingCode.CPU_LESSER]
        assert (lesser.severity, against(lesser)) == (Severity.WARNING, {Method.COLD})

    def test_what_libvirt_cannot_say_stands_against_nothing(self) -> None:
        assert found(fit=Fit()) == {}

    def test_a_processor_passed_through_is_told_as_the_hosts_own(self) -> None:
        vm = needing(cpu_passed_through=True)
        assert "tallinn's processor" in found(vm=vm, fit=LACKING)[FindingCode.CPU_LACKING].reason


def test_an_emulator_that_the_destination_has_not() -> None:
    told = found(vm=needing(emulator="/opt/qemu/bin/qemu"), fit=Fit(emulator=False))
    assert "/opt/qemu/bin/qemu" in told[FindingCode.EMULATOR_MISSING].reason


def test_a_destination_without_kvm() -> None:
    told = found(vm=needing(virtualization="kvm"), fit=Fit(emulator=None, virtualization=False))
    assert "virt-host-validate" in told[FindingCode.VIRTUALIZATION_MISSING].remedy


@pytest.mark.parametrize(
    ("loader", "severity"),
    [("/usr/share/OVMF/OVMF_CODE_4M.fd", Severity.BLOCKER), ("/opt/ovmf.fd", Severity.WARNING)],
)
def test_firmware_that_the_destination_does_not_know(loader: str, severity: Severity) -> None:
    """Outside the distribution's folders it may be there without a description."""
    told = found(vm=needing(loader=loader), fit=Fit(loaders=frozenset({"/usr/share/AAVMF/AAVMF_CODE.fd"})))
    assert told[FindingCode.FIRMWARE_MISSING].severity is severity


def test_firmware_that_the_destination_knows_is_no_obstacle() -> None:
    loader = "/usr/share/OVMF/OVMF_CODE_4M.fd"
    assert found(vm=needing(loader=loader), fit=Fit(loaders=frozenset({loader}))) == {}


@pytest.mark.parametrize(
    ("needs", "code", "methods"),
    [
        ({"tpm": Tpm.PASSED_THROUGH}, FindingCode.TPM_OF_HOST, RUNNING | {Method.COLD}),
    ],
)
def test_state_beside_the_disks(needs: dict[str, Any], code: FindingCode, methods: set[Method]) -> None:
    finding = found(vm=needing(**needs))[code]
    assert (finding.severity, against(finding)) == (Severity.BLOCKER, methods)


class TestTheGuestsAgent:
    def test_its_silence_is_a_warning_for_cold_moves_only(self) -> None:
        silent = found(vm=needing(guest_agent=False))[FindingCode.AGENT_SILENT]
        assert (silent.severity, against(silent)) == (Severity.WARNING, {Method.COLD})

    @pytest.mark.parametrize("agent", [True, None])
    def test_an_answer_or_no_knowledge_is_no_finding(self, agent: bool | None) -> None:
        assert found(vm=needing(guest_agent=agent)) == {}

    def test_a_vm_that_is_off_needs_none(self) -> None:
        off = replace(needing(guest_agent=False), domain=domain(power=Power.SHUT_OFF))
        assert found(vm=off) == {}


@pytest.mark.parametrize(
    ("job", "remedy"),
    [
        (DomainJob(kind=JobKind.BACKUP), "virsh domjobabort guest-01"),
        (DomainJob(kind=JobKind.SAVE), "virsh domjobinfo guest-01"),
        (DomainJob(kind=JobKind.BLOCK, disk="vdb"), "virsh blockjob guest-01 vdb --abort"),
    ],
)
def test_a_job_that_runs_already_is_waited_for(job: DomainJob, remedy: str) -> None:
    finding = found(vm=detail(job=job))[FindingCode.JOB_RUNNING]
    assert finding.severity is Severity.BLOCKER
    assert remedy in finding.remedy


def test_a_name_that_another_vm_has_at_the_destination() -> None:
    namesake = replace(domain(), uuid="another")
    told = found(there=host_detail(reading=reading("skopje", namesake)))
    assert list(told) == [FindingCode.NAME_TAKEN]
    assert "virsh domrename guest-01" in told[FindingCode.NAME_TAKEN].remedy
    assert UUID not in told[FindingCode.NAME_TAKEN].reason
