"""What the VM's interfaces join at the destination."""

from __future__ import annotations

from dataclasses import replace

from ferryman.fleet.values import HostDetail, Interface
from ferryman.planning.arriving import Joined, joined
from ferryman.planning.findings import Finding, FindingCode
from ferryman.planning.placement import Fleet
from ferryman.planning.preflight.definition import ONLY_DEFINED, defined_interfaces
from ferryman.planning.preflight.ends import ReadEnds, blocker, warning


def network_findings(ends: ReadEnds, fleet: Fleet) -> list[Finding]:
    """Bridges and networks that are not there, and bridges that keep a guest waiting."""
    found = [finding for one in ends.vm.interfaces for finding in _interface_findings(ends, fleet, one)]
    found += [
        replace(finding, reason=f"{ONLY_DEFINED}: {finding.reason}")
        for one in defined_interfaces(ends.vm)
        for finding in _interface_findings(ends, fleet, one)
    ]
    return list(dict.fromkeys(found))


def _interface_findings(ends: ReadEnds, fleet: Fleet, interface: Interface) -> list[Finding]:
    link = joined(interface, fleet.hosts[ends.destination.reading.host].arrivals)
    match link.kind:
        case "bridge" if interface.virtual_port:
            return _link_findings(ends, link, f"{interface.virtual_port} bridge")
        case "bridge":
            return _bridge_findings(ends, link)
        case "network":
            return _network_findings(ends, link)
        case "direct":
            return _link_findings(ends, link, "network interface")
    return []


def _bridge_findings(ends: ReadEnds, link: Joined) -> list[Finding]:
    host, bridges = ends.destination.reading.host, ends.destination.bridges
    if bridges is not None and link.there not in bridges:
        return [
            blocker(
                FindingCode.BRIDGE_MISSING,
                f"{host} has no bridge {link.there}{link.mapping} (it has: {', '.join(sorted(bridges)) or 'none'})",
                f"{bridge_remedy(ends.destination, link.there)}; or name one "
                f'that it has in hosts/{host}.toml: [arrivals] bridges = {{ {link.here} = "BRIDGE" }}',
            )
        ]
    if link.there in (ends.destination_facts.stp_bridges or ()):
        return [stp_finding(host, link.there)]
    return []


def bridge_remedy(host: HostDetail, bridge: str) -> str:
    """What makes a bridge of this name; none can be made where another interface has the name."""
    name = host.reading.host
    if bridge in (host.links or ()):
        return f"Another interface has that name (ip -d link show {bridge}, on {name}): rename it"
    return f"ip link add {bridge} type bridge && ip link set {bridge} up (on {name})"


def _link_findings(ends: ReadEnds, link: Joined, what: str) -> list[Finding]:
    """What an interface is joined to by its name alone: a switch of another kind, or the host's own interface."""
    host, links = ends.destination.reading.host, ends.destination.links
    if links is None or not link.there or link.there in links:
        return []
    vm = ends.vm.domain.name
    return [
        blocker(
            FindingCode.LINK_MISSING,
            f"{host} has no {what} {link.there}{link.mapping}, which one of its interfaces is joined to",
            f"ip link (on {host}) shows what it has; name one of that in the VM's definition: virsh edit {vm}, then "
            "restart it; or give the interface there that name.",
        )
    ]


def stp_finding(host: str, bridge: str) -> Finding:
    """A bridge with spanning tree: a new port forwards only after twice the forward delay."""
    return warning(
        FindingCode.BRIDGE_STP,
        f"the bridge {bridge} on {host} has STP on: a guest that comes in is cut off for seconds",
        f"ip link set {bridge} type bridge stp_state 0 (on {host}; and in what configures the bridge at boot)",
    )


def _network_findings(ends: ReadEnds, link: Joined) -> list[Finding]:
    host = ends.destination.reading.host
    if link.there in ends.destination.networks:
        return []
    if link.there in ends.destination.idle_networks:
        says = f"the libvirt network {link.there}{link.mapping} on {host} is not active"
        return [blocker(FindingCode.NETWORK_INACTIVE, says, network_remedy(link.there, host))]
    return [
        blocker(
            FindingCode.NETWORK_MISSING,
            f"{host} has no libvirt network {link.there}{link.mapping}",
            f"Define it there: virsh net-define FILE && virsh net-start {link.there}; or name one that it has "
            f'in hosts/{host}.toml: [arrivals] networks = {{ {link.here} = "NETWORK" }}',
        )
    ]


def network_remedy(network: str, host: str) -> str:
    """What activates a network that is defined, now and when its host starts."""
    return f"virsh net-start {network} && virsh net-autostart {network} (on {host})"
