"""What ferryman asks of one host's VMs: what they are, and to run, to stop and to be defined.

Every call may raise what `hypervisor.py` says.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from ferryman.fleet.lifecycle import LifecycleEvent
from ferryman.fleet.values import DirtyRate, DomainDetail, Power


class Domains(Protocol):
    """The VMs of one host, as they are. Nothing here changes one."""

    def inspect(self, vm: str) -> DomainDetail:
        """All that planning needs of one VM."""
        ...

    def lifecycle(self, uuid: str, since_ns: int) -> tuple[LifecycleEvent, ...]:
        """What the host told of this VM's guest since that moment of CLOCK_MONOTONIC. Asks nobody, raises nothing.

        What happened while there was no connection is missing.
        """
        ...

    def disk_paths(self) -> Mapping[str, frozenset[str]]:
        """By VM, running or not: every file and device that is a disk of it, or that a disk is a layer over."""
        ...

    def dirty_rate(self, vm: str) -> DirtyRate | None:
        """Watch for some seconds how fast a running guest writes to its memory; it is not disturbed.

        None where that cannot be told: it does not run, or the hypervisor knows no such measurement.
        """
        ...

    def announce(self, vm: str) -> None:
        """Have a running VM's network cards say once, to all switches, where they are now."""
        ...


class PowerControl(Protocol):
    """What runs and what does not."""

    def state(self, vm: str) -> Power | None:
        """The VM's power state; None where the host knows no such VM."""
        ...

    def start(self, vm: str) -> None:
        """Power on."""
        ...

    def request_shutdown(self, vm: str) -> None:
        """Ask the guest to power itself off. It may be off, or not, when this returns: after a minute at the latest."""
        ...

    def destroy(self, vm: str) -> None:
        """Power off without asking the guest. No such VM, or one that is off, is no error."""
        ...

    def suspend(self, vm: str) -> None:
        """Stop a running guest's vCPUs; its memory stays."""
        ...

    def resume(self, vm: str) -> None:
        """Let a paused guest run."""
        ...


class Definitions(Protocol):
    """What the host knows of a VM that does not run, and whether it starts it by itself (autostart)."""

    def define(self, xml: str, *, autostart: bool) -> None:
        """Write a persistent definition."""
        ...

    def undefine(self, vm: str) -> None:
        """Remove the definition; disks and NVRAM stay. No such VM is no error."""
        ...

    def arm(self, vm: str) -> None:
        """Switch autostart on: the one place where the VM belongs starts it after a reboot."""
        ...

    def disarm(self, vm: str) -> None:
        """Switch autostart off, so that a reboot of the host cannot start a second copy. No such VM is no error."""
        ...
