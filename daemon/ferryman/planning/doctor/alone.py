"""What is checked of a host by itself."""

from __future__ import annotations

from collections.abc import Mapping

from ferryman.fleet.host_facts import HostFacts
from ferryman.fleet.survey import Examined, HostSurvey, Trouble
from ferryman.fleet.values import HostReading
from ferryman.planning.doctor.checks import Check, Subject, blocker, found, ok, unknown, warning
from ferryman.planning.encryption import certificate_findings, certificates_absent, mirrors_lack
from ferryman.planning.findings import Severity
from ferryman.planning.placement import Fleet, spare_memory_mib
from ferryman.planning.preflight.disks import folder_finding
from ferryman.planning.preflight.network import stp_finding
from ferryman.planning.preflight.ways import granting_root, userfaultfd_findings
from ferryman.specs.host_spec import HostSpec

_GROUP = "libvirt"


def host_checks(one: Examined, specs: Mapping[str, HostSpec]) -> list[Check]:
    """SSH, libvirtd, and what lies behind them."""
    host = one.spec.name
    if isinstance(one.facts, Trouble):
        return [blocker(host, Subject.SSH, one.facts.reason, one.facts.remedy)]
    checks = [_ssh_check(one.facts), *_root_checks(one.facts), *_libvirtd_checks(host, one.facts, one.survey)]
    if not isinstance(one.survey, Trouble):
        checks += [_stp_check(one.facts, one.survey), *_folder_checks(one.facts)]
        checks.append(_memory_check(one.survey, specs))
        checks += _certificate_checks(one.survey.detail.reading)
    return [*checks, _post_copy_check(one.facts)]


def _ssh_check(facts: HostFacts) -> Check:
    if not facts.by_ssh:
        remedy = "With a qemu+ssh:// URI in its spec ferryman could see clocks, ports and bridges too."
        return unknown(facts.host, Subject.SSH, "it is not reached by SSH: only libvirt is asked", remedy)
    return ok(facts.host, Subject.SSH, f"reached as {facts.user or '?'}, its host key known")


def _root_checks(facts: HostFacts) -> list[Check]:
    if facts.acts_as_root is None:
        return []
    if facts.acts_as_root:
        return [ok(facts.host, Subject.USER, f"{facts.user or 'its user'} runs commands as root")]
    says = (
        f"{facts.user} is not root and has no passwordless sudo: a cold move copies disks while the VM is off, and not "
        "while it runs; firmware settings and TPM state move only with a VM that runs; after a broken post-copy "
        "connection a guest may stand still"
    )
    return [warning(facts.host, Subject.USER, says, granting_root(facts))]


def _libvirtd_checks(host: str, facts: HostFacts, survey: HostSurvey | Trouble) -> list[Check]:
    user, groups = facts.user, facts.groups
    if not isinstance(survey, Trouble):
        return [ok(host, Subject.LIBVIRTD, "answers")]
    checks = [blocker(host, Subject.LIBVIRTD, survey.reason, survey.remedy)]
    if user not in (None, "root") and groups is not None and _GROUP not in groups:
        says = f"{user} is not in the group {_GROUP}, which may use libvirt"
        checks.append(blocker(host, Subject.USER, says, f"usermod -aG {_GROUP} {user} (on {host}, as root)"))
    return checks


def _stp_check(facts: HostFacts, survey: HostSurvey) -> Check:
    """Bridges that no VM uses may have it on."""
    if facts.stp_bridges is None:
        return unknown(facts.host, Subject.STP, "not read", f"bridge -d link (on {facts.host})")
    used = {one.source for interfaces in survey.attachments.values() for one in interfaces if one.kind == "bridge"}
    slow = sorted(facts.stp_bridges & used) or sorted(facts.stp_bridges)
    if slow:
        return found(facts.host, Subject.STP, stp_finding(facts.host, slow[0]))
    return ok(facts.host, Subject.STP, "off on every bridge")


def _folder_checks(facts: HostFacts) -> list[Check]:
    closed = [path for path, folder in facts.folders.items() if folder.open_to_qemu is False]
    if closed:
        return [found(facts.host, Subject.FOLDERS, folder_finding(facts, path)) for path in closed]
    if not facts.folders:
        return []
    if any(folder.open_to_qemu is None for folder in facts.folders.values()):
        remedy = f"Log in there as root, or see: sudo -u libvirt-qemu ls FOLDER (on {facts.host})"
        return [unknown(facts.host, Subject.FOLDERS, "whether QEMU's user gets at the pools was not tried", remedy)]
    return [ok(facts.host, Subject.FOLDERS, f"{facts.qemu_user} gets at {', '.join(sorted(facts.folders))}")]


def _memory_check(survey: HostSurvey, specs: Mapping[str, HostSpec]) -> Check:
    reading = survey.detail.reading
    spare = spare_memory_mib(reading, Fleet(hosts=specs))
    if spare == 0:
        says = f"all of its {reading.memory_mib} MiB are promised to VMs or reserved: no VM can come here"
        remedy = "Move a VM away, or lower [capacity] reserve_memory_mib in its spec."
        return warning(reading.host, Subject.MEMORY, says, remedy)
    return ok(reading.host, Subject.MEMORY, f"{spare} of {reading.memory_mib} MiB to spare for VMs")


def _certificate_checks(reading: HostReading) -> list[Check]:
    """Without any, moves go in plain text, unless a VM's spec requires otherwise."""
    seen = reading.certificates
    if seen is None:
        (finding,) = certificates_absent(reading, Severity.WARNING)
        return [unknown(reading.host, Subject.CERTIFICATES, finding.reason, finding.remedy)]
    wrong = (*certificates_absent(reading, Severity.WARNING), *certificate_findings(reading.host, seen))
    if wrong:
        return [found(reading.host, Subject.CERTIFICATES, finding) for finding in wrong]
    return [
        _mirroring_check(reading) or ok(reading.host, Subject.CERTIFICATES, f"for moves under TLS, in {seen.folder}")
    ]


def _mirroring_check(reading: HostReading) -> Check | None:
    """Memory travels under TLS, and a cold move's disks cannot."""
    lacking, seen = mirrors_lack(reading), reading.certificates
    if not lacking or seen is None:
        return None
    return warning(
        reading.host,
        Subject.CERTIFICATES,
        f"{lacking}: disks of cold moves are not mirrored from it under TLS",
        f"cp -p {seen.folder}/{{ca-cert,client-cert,client-key}}.pem {seen.mirrors_lack}/ (on {reading.host}, as root)",
    )


def _post_copy_check(facts: HostFacts) -> Check:
    forbidden = userfaultfd_findings(facts)
    if forbidden:
        return found(facts.host, Subject.POST_COPY, forbidden[0], at_most=Severity.WARNING)
    if facts.unprivileged_userfaultfd or facts.qemu_user == "root":
        return ok(facts.host, Subject.POST_COPY, "VMs can come here by post-copy")
    see = f"sysctl vm.unprivileged_userfaultfd; grep ^user /etc/libvirt/qemu.conf (on {facts.host}, as root)"
    return unknown(facts.host, Subject.POST_COPY, "QEMU's user or its right to userfaultfd is unknown", see)
