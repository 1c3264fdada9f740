"""Whether each host has what the other hosts' VMs are joined to: bridges, libvirt networks, interfaces by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ferryman.fleet.survey import HostSurvey
from ferryman.fleet.values import HostDetail, Interface
from ferryman.planning.doctor.checks import Check, Subject, blocker, ok
from ferryman.planning.preflight.network import bridge_remedy, network_remedy
from ferryman.specs.host_spec import HostSpec

Surveys = Mapping[str, HostSurvey]
_Used = Mapping[str, str]
"""What VMs of other hosts are joined to -> one such VM and its host."""


def attachment_checks(surveys: Surveys, specs: Mapping[str, HostSpec]) -> list[Check]:
    """What VMs of other hosts are joined to, under the names that it has here."""
    checks = []
    for host, survey in surveys.items():
        detail, arrivals = survey.detail, specs[host].arrivals
        if detail.bridges is not None:
            used = _renamed(_used(_joins_bridge, surveys, host), arrivals.bridges)
            missing = [_no_bridge(detail, name, used[name]) for name in sorted(used.keys() - detail.bridges)]
            checks += missing or _has(host, Subject.BRIDGES, used)
        if detail.links is not None:
            used = _used(_joins_link, surveys, host)
            checks += [_no_link(host, name, used[name]) for name in sorted(used.keys() - detail.links)]
        used = _renamed(_used(_joins_network, surveys, host), arrivals.networks)
        missing = [_no_network(detail, name, used[name]) for name in sorted(used.keys() - detail.networks)]
        checks += missing or _has(host, Subject.NETWORKS, used)
    return checks


def _joins_bridge(one: Interface) -> bool:
    return one.kind == "bridge" and not one.virtual_port


def _joins_link(one: Interface) -> bool:
    return bool(one.source) and (one.kind == "direct" or (one.kind == "bridge" and bool(one.virtual_port)))


def _joins_network(one: Interface) -> bool:
    return one.kind == "network"


def _used(joins: Callable[[Interface], bool], surveys: Surveys, but: str) -> _Used:
    return {
        interface.source: f"{vm} on {host} uses it"
        for host, survey in surveys.items()
        if host != but
        for vm, interfaces in survey.attachments.items()
        for interface in interfaces
        if joins(interface)
    }


def _renamed(used: _Used, names: Mapping[str, str]) -> _Used:
    return {names.get(name, name): by for name, by in used.items()}


def _has(host: str, subject: Subject, used: _Used) -> list[Check]:
    return [ok(host, subject, f"has {', '.join(sorted(used))}")] if used else []


def _no_bridge(detail: HostDetail, name: str, by: str) -> Check:
    return blocker(detail.reading.host, Subject.BRIDGES, f"no bridge {name}: {by}", bridge_remedy(detail, name))


def _no_link(host: str, name: str, by: str) -> Check:
    remedy = f"ip link (on {host}) shows what it has: give one of that this name, or edit the VM's definition."
    return blocker(host, Subject.BRIDGES, f"no network interface {name}: {by}", remedy)


def _no_network(detail: HostDetail, name: str, by: str) -> Check:
    host = detail.reading.host
    if name in detail.idle_networks:
        says = f"the libvirt network {name} is not active: {by}"
        return blocker(host, Subject.NETWORKS, says, network_remedy(name, host))
    mend = f"virsh net-define FILE && {network_remedy(name, host)}"
    return blocker(host, Subject.NETWORKS, f"no libvirt network {name}: {by}", mend)
