"""What the VM's interfaces join at the destination."""

from __future__ import annotations

from ferryman.planning.arriving import Joined, joined
from ferryman.planning.findings import Finding, FindingCode
from ferryman.planning.placement import Fleet
from ferryman.planning.preflight.ends import Ends, blocker, warning


def network_findings(ends: Ends, fleet: Fleet) -> list[Finding]:
    """Bridges and networks that are not there, and bridges that keep a guest waiting."""
    arrivals = fleet.hosts[ends.destination.reading.host].arrivals
    found: dict[Finding, None] = {}
    for interface in ends.vm.interfaces:
        link = joined(interface, arrivals)
        match link.kind:
            case "bridge":
                found |= dict.fromkeys(_bridge_findings(ends, link))
            case "network":
                found |= dict.fromkeys(_network_findings(ends, link))
    return list(found)


def _bridge_findings(ends: Ends, link: Joined) -> list[Finding]:
    host, bridges = ends.destination.reading.host, ends.destination.bridges
    if bridges is not None and link.there not in bridges:
        return [
            blocker(
                FindingCode.BRIDGE_MISSING,
                f"{host} has no bridge {link.there}{link.mapping} (it has: {', '.join(sorted(bridges)) or 'none'})",
                f"ip link add {link.there} type bridge && ip link set {link.there} up (on {host}); or name one "
                f'that it has in hosts/{host}.toml: [arrivals] bridges = {{ {link.here} = "BRIDGE" }}',
            )
        ]
    if link.there in (ends.destination_facts.stp_bridges or ()):
        return [stp_finding(host, link.there)]
    return []


def stp_finding(host: str, bridge: str) -> Finding:
    """A bridge with spanning tree: a new port forwards only after twice the forward delay."""
    return warning(
        FindingCode.BRIDGE_STP,
        f"the bridge {bridge} on {host} has STP on: a guest that comes in is cut off for seconds",
        f"ip link set {bridge} type bridge stp_state 0 (on {host}; and in what configures the bridge at boot)",
    )


def _network_findings(ends: Ends, link: Joined) -> list[Finding]:
    host = ends.destination.reading.host
    if link.there in ends.destination.networks:
        return []
    return [
        blocker(
            FindingCode.NETWORK_MISSING,
            f"{host} has no libvirt network {link.there}{link.mapping}",
            f"Define it there: virsh net-define FILE && virsh net-start {link.there}; or name one that it has "
            f'in hosts/{host}.toml: [arrivals] networks = {{ {link.here} = "NETWORK" }}',
        )
    ]
