"""What ferryman asks of a host. One adapter speaks libvirt; a fake one keeps the same contract in memory.

Every call may raise `HostUnreachableError` (nothing is known) or `OperationFailedError` (the host said no).
Calls block; all are safe from several threads at once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from ferryman.fleet.drives import Medium
from ferryman.fleet.host_facts import HostFacts, Peer
from ferryman.fleet.images import Images
from ferryman.fleet.lifecycle import LifecycleEvent
from ferryman.fleet.machine import Fit, MachineNeeds
from ferryman.fleet.machine_files import MachineFiles
from ferryman.fleet.migrating import Migrations
from ferryman.fleet.ownership import Owner
from ferryman.fleet.survey import HostSurvey
from ferryman.fleet.values import (
    BackingImage,
    DirtyRate,
    DomainDetail,
    HostDetail,
    HostReading,
    Power,
    Volume,
    VolumeRef,
)
from ferryman.specs.host_spec import HostSpec


class Domains(Protocol):
    """The VMs of one host."""

    def inspect(self, vm: str) -> DomainDetail:
        """All that planning needs of one VM."""
        ...

    def power(self, vm: str) -> Power | None:
        """The VM's power state; None where the host knows no such VM."""
        ...

    def lifecycle(self, uuid: str, since_ns: int) -> tuple[LifecycleEvent, ...]:
        """What the host told of this VM's guest since that moment of CLOCK_MONOTONIC. Asks nobody, raises nothing.

        What happened while there was no connection is missing.
        """
        ...

    def disk_paths(self) -> Mapping[str, frozenset[str]]:
        """By VM, running or not: every file and device that is a disk of it, or that a disk is a layer over."""
        ...

    def media(self, vm: str) -> tuple[Medium, ...]:
        """What is inserted in the VM's CD-ROM and floppy drives, as it runs and as it is defined."""
        ...

    def eject(self, vm: str, medium: Medium) -> None:
        """Empty the medium's drive, of the running VM and of its definition. An empty drive is no error."""
        ...

    def insert(self, vm: str, medium: Medium) -> None:
        """Put a medium back where it was. It being there is no error."""
        ...

    def dirty_rate(self, vm: str) -> DirtyRate | None:
        """Watch for a second how fast a running guest writes to its memory; it is not disturbed.

        None where that cannot be told: it does not run, or the hypervisor knows no such measurement.
        """
        ...

    def define(self, xml: str, *, autostart: bool) -> None:
        """Write a persistent definition."""
        ...

    def disarm(self, vm: str) -> None:
        """Switch autostart off, so that a reboot of the host cannot start a second copy. No such VM is no error."""
        ...

    def arm(self, vm: str) -> None:
        """Switch autostart on: the one place where the VM belongs starts it after a reboot."""
        ...

    def undefine(self, vm: str) -> None:
        """Remove the definition; disks and NVRAM stay. No such VM is no error."""
        ...

    def tag(self, vm: str, owner: Owner) -> None:
        """Write into the VM's metadata who moves it; what was there is replaced. It comes along when it migrates."""
        ...

    def untag(self, vm: str) -> None:
        """Take that away. No tag, or no such VM, is no error."""
        ...

    def owner(self, vm: str) -> Owner | None:
        """Who moves it, by its metadata; None: nobody says so, or the host knows no such VM."""
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

    def announce(self, vm: str) -> None:
        """Have a running VM's network cards say once, to all switches, where they are now."""
        ...


class VolumeReader(Protocol):
    """A volume's content as runs of data and holes, in order."""

    def runs(self) -> Iterator[bytes | int]:
        """Bytes are data, an int is a hole of that many bytes."""
        ...


class Volumes(Protocol):
    """The storage of one host."""

    def find(self, ref: VolumeRef, *, closely: bool = False) -> Volume | None:
        """The volume, or None where the pool answers that there is none.

        `closely`: tell a device in a pool of files from a file, which takes some tenths of a second.
        """
        ...

    def create(
        self,
        ref: VolumeRef,
        *,
        format: str,  # noqa: A002 - libvirt's word
        capacity_bytes: int,
        over: BackingImage | None = None,
    ) -> Volume:
        """Create an empty, sparse volume; `over`: a layer, which begins with the content of that image."""
        ...

    def delete(self, ref: VolumeRef) -> None:
        """Delete a volume. No such volume is no error."""
        ...

    def download(self, ref: VolumeRef) -> AbstractContextManager[VolumeReader]:
        """Read a volume's bytes, holes known as holes."""
        ...

    def upload(self, ref: VolumeRef, runs: Iterator[bytes | int]) -> None:
        """Write a volume's bytes; holes stay holes. Returns when all is written."""
        ...


class Hypervisor(Protocol):
    """One host."""

    @property
    def name(self) -> str:
        """The host's name in the specs."""
        ...

    @property
    def domains(self) -> Domains:
        """Its VMs."""
        ...

    @property
    def volumes(self) -> Volumes:
        """Its storage."""
        ...

    @property
    def migrations(self) -> Migrations:
        """Its outgoing migrations."""
        ...

    @property
    def machine_files(self) -> MachineFiles:
        """What its VMs' machines keep in files besides disks."""
        ...

    @property
    def images(self) -> Images:
        """The content of its disks."""
        ...

    def read(self) -> HostReading:
        """The host and all its VMs, cheaply."""
        ...

    def describe(
        self, wanted: Collection[VolumeRef], images: Collection[str] = (), closely: Collection[VolumeRef] = ()
    ) -> HostDetail:
        """What planning needs of a destination, with the volumes of these names and paths as far as they exist.

        `closely`: those of `wanted` that are looked at as `Volumes.find` does it.
        """
        ...

    def fit(self, needs: MachineNeeds) -> Fit:
        """Whether this host has what a VM's QEMU needs."""
        ...

    def facts(self, peers: Collection[Peer]) -> HostFacts:
        """What only a command on the host itself can tell, the ways to its peers included.

        Takes a second or more, and so is not for the way from a commit to its move. Works without libvirt.
        """
        ...

    def survey(self) -> HostSurvey:
        """The host as it is compared with others of its fleet. A call for each VM: not for every look."""
        ...

    def close(self) -> None:
        """Let go of the host."""
        ...


Connect = Callable[[HostSpec, Callable[[], None]], Hypervisor]
"""Opens a host; the callable is called whenever something changed there, from any thread."""
