"""How a live migration gets from "nearly all memory is there" to "the guest runs there".

QEMU before 9.0 loses writes of an emulated guest (TCG; KVM is not concerned) once it has asked, while the guest ran,
which pages were written: it clears their marks, and leaves the vCPU's cached translations writable, so that the next
write to such a page is not seen. Fixed in 9.0 by "physmem: Fix migration dirty bitmap coherency with TCG memory
access". So such a guest must be stopped before QEMU asks for the first time: after one iteration over its memory.
"""

from __future__ import annotations

from ferryman.fleet.values import DomainDetail, HostReading
from ferryman.planning.findings import Finding, FindingCode, Severity
from ferryman.planning.modes import SwitchOver

LADDER_FOOT_MS = 20
"""The downtime limit that a migration begins with where memory may be passed over again: far below libvirt's 300 ms."""
_EMULATED = "qemu"
_TRACKS_WRITES_FROM = 9_000_000
"""QEMU 9.0, as libvirt counts versions."""
_ASKS_BEFORE_STOPPING_FROM = 8_000_000
"""Until 7.2 a downtime limit of 0 makes QEMU stop the guest first and ask then."""


def switch_over(vm: DomainDetail, source: HostReading) -> SwitchOver:
    """The ladder, but for a guest whose writes this QEMU does not track reliably."""
    return SwitchOver.ONE_ITERATION if _loses_writes(vm, source) else SwitchOver.LADDER


def untracked_writes(vm: DomainDetail, source: HostReading) -> tuple[Finding, ...]:
    """A guest whose memory this QEMU can in no way copy while it runs."""
    if not _loses_writes(vm, source) or source.hypervisor_version < _ASKS_BEFORE_STOPPING_FROM:
        return ()
    return (
        Finding(
            code=FindingCode.WRITES_UNTRACKED,
            severity=Severity.BLOCKER,
            reason="its processor is emulated, and QEMU 8 may lose what such a guest writes while its memory is copied",
            remedy=f"Upgrade QEMU on {source.host} to 9.0 or later, or let the VM run with KVM.",
        ),
    )


def _loses_writes(vm: DomainDetail, source: HostReading) -> bool:
    return vm.virtualization == _EMULATED and source.hypervisor_version < _TRACKS_WRITES_FROM
