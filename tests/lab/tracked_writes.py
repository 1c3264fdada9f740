"""`ferryman` that takes emulated guests for guests under KVM: run as a program in its place.

QEMU before 9.0 may lose what an emulated guest writes once its memory is passed over again, so such guests are kept off
the downtime ladder (decision 8), and a lab without KVM would never climb it. This program lets them climb: everything
of it is ferryman's own but that one word about the guest. Only for guests that make a system call all the time (the
lab's `dirty_mib`): each one makes QEMU look at their writes anew, which leaves it hardly a moment to lose one in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ferryman.cli import main
from ferryman.fleet.guarding import Guard, GuardedHost
from ferryman.fleet.hypervisor import Hypervisor
from ferryman.fleet.libvirt_adapter.domains import LibvirtDomains
from ferryman.fleet.libvirt_adapter.host import LibvirtHost
from ferryman.fleet.values import DomainDetail
from ferryman.specs.host_spec import HostSpec


class _Domains(LibvirtDomains):
    def inspect(self, vm: str) -> DomainDetail:
        return replace(super().inspect(vm), virtualization="kvm")


class _Host(LibvirtHost):
    def __init__(self, spec: HostSpec, on_change: Callable[[], None]) -> None:
        super().__init__(spec, on_change)
        self.domains = _Domains(self._session)


def connect(spec: HostSpec, on_change: Callable[[], None]) -> Hypervisor:
    """`Connect`."""
    return GuardedHost(_Host(spec, on_change), Guard(spec.name, "See libvirtd there."))


if __name__ == "__main__":
    main(obj=connect)
