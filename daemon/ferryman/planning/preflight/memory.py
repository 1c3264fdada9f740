"""Memory at the destination."""

from __future__ import annotations

from ferryman.fleet.values import Power
from ferryman.fleet.xml.domain import huge_pages_kib
from ferryman.planning.findings import Finding, FindingCode
from ferryman.planning.placement import Fleet, spare_memory_mib
from ferryman.planning.preflight.ends import ReadEnds, blocker


def memory_findings(ends: ReadEnds, fleet: Fleet) -> list[Finding]:
    """Enough of it, in pages of the right size. A VM that is off needs none."""
    if ends.vm.domain.power is Power.SHUT_OFF:
        return []
    return [*_amount_findings(ends, fleet), *_page_findings(ends)]


def _amount_findings(ends: ReadEnds, fleet: Fleet) -> list[Finding]:
    there = ends.destination.reading
    spare = spare_memory_mib(there, fleet)
    if spare >= ends.vm.domain.memory_mib:
        return []
    return [
        blocker(
            FindingCode.MEMORY_SHORT,
            f"{there.host} has {spare} MiB of memory to spare, the VM needs {ends.vm.domain.memory_mib} MiB",
            f"Move a VM away from {there.host}, or lower [capacity] reserve_memory_mib in its spec.",
        )
    ]


def _page_findings(ends: ReadEnds) -> list[Finding]:
    """QEMU takes all of its memory from them at its start; a cold move would notice only once the guest is off.

    Pages of several sizes lie on one NUMA node each: how many of which, only libvirt works out.
    """
    wanted, free = huge_pages_kib(ends.vm.xml), ends.destination.free_pages
    if len(wanted) != 1 or free is None:
        return []
    size_kib = wanted[0] or min(free, default=_USUAL_KIB)
    needed = -(-ends.vm.domain.memory_mib * _KIB_PER_MIB // size_kib)
    there = free.get(size_kib, 0)
    if there >= needed:
        return []
    host, setting = ends.destination.reading.host, f"/sys/kernel/mm/hugepages/hugepages-{size_kib}kB/nr_hugepages"
    return [
        blocker(
            FindingCode.HUGE_PAGES_SHORT,
            f"{host} has {there} free huge pages of {size_kib} KiB, the VM needs {needed}",
            f"echo $(($(cat {setting}) + {needed - there})) >{setting} (on {host}, as root; and vm.nr_hugepages in "
            f"/etc/sysctl.d for its next boot); or take <hugepages> out: virsh edit {ends.vm.domain.name}",
        )
    ]


_KIB_PER_MIB = 1024
_USUAL_KIB = 2048
