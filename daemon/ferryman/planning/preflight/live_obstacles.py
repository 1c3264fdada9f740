"""What libvirt or QEMU would refuse to migrate while the guest runs: told before, so that `auto` can go cold."""

from __future__ import annotations

from typing import assert_never

from ferryman.fleet.values import DomainDetail
from ferryman.fleet.xml.live_obstacles import LiveObstacle
from ferryman.planning.findings import Finding, FindingCode
from ferryman.planning.preflight.ends import blocker


def live_obstacle_findings(vm: DomainDetail) -> list[Finding]:
    """One for each kind."""
    return [
        blocker(FindingCode.LIVE_OBSTACLE, _reason(one), f"{_remedy(one, vm.domain.name)}; or allow cold.")
        for one in vm.live_obstacles
    ]


def _reason(one: LiveObstacle) -> str:
    match one:
        case LiveObstacle.HOST_INTERFACE:
            return "a network card of its host is passed through to it, which libvirt does not migrate"
        case LiveObstacle.VDPA:
            return "it has a vDPA network card, which libvirt does not migrate"
        case LiveObstacle.VIRTIOFS:
            return "it shares a folder of its host by virtiofs, which libvirt does not migrate"
        case LiveObstacle.NINE_P:
            return "it shares a folder of its host by 9p, and QEMU refuses to migrate while the guest has it mounted"
        case LiveObstacle.SHARED_MEMORY:
            return "it shares memory with other VMs of its host (ivshmem), which libvirt does not migrate"
        case LiveObstacle.TRANSIENT_DISK:
            return "a disk of its is <transient/>, which libvirt does not migrate"
        case LiveObstacle.INVARIANT_TSC:
            return "its processor has invtsc and no TSC frequency is set, which libvirt does not migrate"
    assert_never(one)


def _remedy(one: LiveObstacle, vm: str) -> str:
    match one:
        case LiveObstacle.HOST_INTERFACE | LiveObstacle.VDPA:
            return f"virsh detach-interface {vm} TYPE --mac MAC --live --config (virsh domiflist {vm} shows both)"
        case LiveObstacle.VIRTIOFS | LiveObstacle.NINE_P:
            return f"Unmount it in the guest and take <filesystem> out: virsh edit {vm}, then restart it"
        case LiveObstacle.SHARED_MEMORY:
            return f"Take <shmem> out: virsh edit {vm}, then restart it"
        case LiveObstacle.TRANSIENT_DISK:
            return f"Take <transient/> out: virsh edit {vm}, then restart it"
        case LiveObstacle.INVARIANT_TSC:
            return (
                f"Add <timer name='tsc' frequency='HZ'/> to <clock>, or take invtsc out: virsh edit {vm}, then "
                "restart it"
            )
    assert_never(one)
