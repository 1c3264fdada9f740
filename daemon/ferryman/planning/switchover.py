"""How a live migration gets from "nearly all memory is there" to "the guest runs there"."""

from __future__ import annotations

from ferryman.fleet.values import DomainDetail, HostReading
from ferryman.planning.decisions import SwitchOver

_EMULATED = "qemu"
_TRACKS_WRITES_FROM = 9_000_000
"""QEMU 9.0, as libvirt counts versions."""


def switch_over(vm: DomainDetail, source: HostReading) -> SwitchOver:
    """The ladder, but for a guest whose writes this QEMU does not track reliably.

    QEMU before 9.0 loses writes of an emulated guest (TCG; KVM is not concerned) once it has passed over memory:
    collecting the dirty pages it clears their marks, and leaves the vCPU's cached translations writable, so that the
    next write to such a page is not seen. Fixed in 9.0 by "physmem: Fix migration dirty bitmap coherency with TCG
    memory access". Such a guest is suspended before the first pass ends: then every page that it wrote is still marked.
    """
    lossy = vm.virtualization == _EMULATED and source.hypervisor_version < _TRACKS_WRITES_FROM
    return SwitchOver.SUSPEND if lossy else SwitchOver.LADDER
