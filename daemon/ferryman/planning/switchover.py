"""How long the first try at the switch-over may pause the guest."""

from __future__ import annotations

from ferryman.fleet.values import DomainDetail, HostReading

FAST_MS = 20
"""Far below libvirt's 300 ms; reached at once by a guest that writes little."""
SAFE_MS = 300
"""libvirt's own: memory is passed over once, and the guest is stopped before the first pass is quite through."""
_EMULATED = "qemu"
_TRACKS_WRITES_FROM = 9_000_000
"""QEMU 9.0, as libvirt counts versions."""


def first_downtime_ms(vm: DomainDetail, source: HostReading, max_downtime_ms: int | None) -> int:
    """The foot of the ladder of downtime limits for this guest on this host.

    QEMU before 9.0 loses writes of an emulated guest (TCG; KVM is not concerned) when memory is passed over more than
    once: looking for dirty pages, it clears their marks and leaves the vCPU's cached translations writable, so that
    the next write to such a page is not seen. Fixed in 9.0 by "physmem: Fix migration dirty bitmap coherency with TCG
    memory access". Tried with 7.2 and a guest under light network load: 20 ms, 2 of 14 and 7 of 29 moves left the
    guest's memory corrupt; 300 ms, 0 of 20. So such a guest keeps libvirt's limit, whatever its spec promises: a
    promise can be missed, and is then recorded as missed; a lost write cannot be mended.
    """
    lossy = vm.virtualization == _EMULATED and source.hypervisor_version < _TRACKS_WRITES_FROM
    if lossy:
        return SAFE_MS
    return FAST_MS if max_downtime_ms is None else min(FAST_MS, max_downtime_ms)
