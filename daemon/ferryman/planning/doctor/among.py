"""What is checked of hosts among each other: the ways between them, and what one has and another lacks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ferryman.fleet.host_facts import MIGRATION_PORTS, HostFacts, Reach
from ferryman.fleet.survey import HostSurvey
from ferryman.planning.doctor.checks import Check, Subject, blocker, found, ok, unknown, warning
from ferryman.planning.preflight.machine import version_text
from ferryman.planning.preflight.ways import clock_findings, libvirtd_findings, port_findings

Surveys = Mapping[str, HostSurvey]


def way_checks(here: HostFacts, others: Sequence[str]) -> list[Check]:
    """From one host to each other one: libvirtd to libvirtd, and the migration ports."""
    return [check for there in others for check in (_libvirtd_check(here, there), _ports_check(here, there))]


def _libvirtd_check(here: HostFacts, there: str) -> Check:
    subject, way = Subject.LIBVIRTD_TO_PEER, here.peer(there)
    failed = libvirtd_findings(here, there)
    if failed:
        return found(here.host, subject, failed[0])
    if way.libvirtd is Reach.UNKNOWN:
        see = f"virsh -c '{way.uri or 'PEER_URI'}' uri (on {here.host}, as root)"
        return unknown(here.host, subject, f"not tried towards {there}: that takes root and virsh", see)
    return ok(here.host, subject, f"its libvirtd reaches that of {there}")


def _ports_check(here: HostFacts, there: str) -> Check:
    subject, span = Subject.PORTS_TO_PEER, f"{MIGRATION_PORTS.start}-{MIGRATION_PORTS[-1]}"
    closed = port_findings(here, there)
    if closed:
        return found(here.host, subject, closed[0])
    if here.peer(there).closed_ports is None:
        see = f"nc -zv -w 2 ADDRESS {span} (on {here.host}): refused is good, timed out is a firewall"
        return unknown(here.host, subject, f"not tried towards {there}: that takes python3 there", see)
    return ok(here.host, subject, f"TCP {span} of {there} answer")


def clock_checks(facts: Mapping[str, HostFacts]) -> list[Check]:
    """Every clock against the middle one."""
    known = sorted((one.clock.ahead_ms, name) for name, one in facts.items() if one.clock is not None)
    if not known:
        return []
    middle = facts[known[len(known) // 2][1]]
    checks = []
    for ahead_ms, name in sorted(known, key=lambda pair: pair[1]):
        apart = clock_findings(facts[name], middle)
        says = f"{ahead_ms / 1000:+.1f} s against this machine's"
        checks.append(found(name, Subject.CLOCK, apart[0]) if apart else ok(name, Subject.CLOCK, says))
    return checks


def machine_checks(surveys: Surveys) -> list[Check]:
    """Two specs that lead to one machine."""
    hosts: dict[str, list[str]] = {}
    for name, survey in surveys.items():
        hosts.setdefault(survey.detail.reading.uuid, []).append(name)
    remedy = "Correct `uri` in one of the specs; cloned hosts need a host_uuid each in libvirtd.conf."
    return [
        blocker(names[0], Subject.MACHINE, f"{' and '.join(names)} are the same machine (host UUID {uuid})", remedy)
        for uuid, names in hosts.items()
        if uuid and len(names) > 1
    ]


def version_checks(surveys: Surveys) -> list[Check]:
    """QEMU supports no move to an older one; libvirt's versions only make surprises."""
    newest_qemu = max((one.detail.reading.hypervisor_version for one in surveys.values()), default=0)
    newest_libvirt = max((one.detail.reading.libvirt_version for one in surveys.values()), default=0)
    checks = []
    for host, survey in surveys.items():
        reading = survey.detail.reading
        has = f"QEMU {version_text(reading.hypervisor_version)}, libvirt {version_text(reading.libvirt_version)}"
        if (reading.hypervisor_version, reading.libvirt_version) == (newest_qemu, newest_libvirt):
            checks.append(ok(host, Subject.VERSIONS, has))
            continue
        newest = f"QEMU {version_text(newest_qemu)}, libvirt {version_text(newest_libvirt)}"
        says = f"{has}, and the fleet's newest are {newest}: QEMU supports no move to an older version"
        mend = f"apt update && apt install --only-upgrade 'qemu-system-*' 'libvirt-daemon*' (on {host}, Debian)"
        checks.append(warning(host, Subject.VERSIONS, says, mend))
    return checks


def cpu_checks(surveys: Surveys) -> list[Check]:
    """Processors that lack what another host's has: a VM that has seen it cannot come while it runs."""
    checks = []
    for host, survey in surveys.items():
        lacking = [_cpu_words(survey, there, name) for name, there in surveys.items() if name != host]
        said = [words for words in lacking if words]
        model = survey.cpu.model or "a processor that libvirt does not know"
        mend = "Give VMs a model that every host has, found by: virsh hypervisor-cpu-baseline FILE (all hosts' <cpu>)."
        checks.append(
            warning(host, Subject.CPU, f"{model}: {'; '.join(said)}", mend) if said else ok(host, Subject.CPU, model)
        )
    return checks


def _cpu_words(here: HostSurvey, there: HostSurvey, name: str) -> str:
    if here.cpu.model != there.cpu.model:
        return f"{name} has {there.cpu.model or 'an unknown one'}"
    missing = sorted(there.cpu.features - here.cpu.features)
    return f"without {', '.join(missing[:8])}{' …' if missing[8:] else ''}, which {name} has" if missing else ""
