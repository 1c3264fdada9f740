"""How the program opens a host: through libvirt, guarded."""

from __future__ import annotations

from collections.abc import Callable

from ferryman.fleet.guarding import Guard, GuardedHost
from ferryman.fleet.hypervisor import Hypervisor
from ferryman.fleet.libvirt_adapter.host import LibvirtHost
from ferryman.specs.host_spec import HostSpec


def connect(spec: HostSpec, on_change: Callable[[], None]) -> Hypervisor:
    """`Connect`: touches nothing yet; the first call does."""
    remedy = f"See libvirtd there (systemctl status libvirtd), and whether it answers: virsh -c '{spec.uri}' list"
    return GuardedHost(LibvirtHost(spec, on_change), Guard(spec.name, remedy))
