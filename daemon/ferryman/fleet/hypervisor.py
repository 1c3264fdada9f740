"""What ferryman asks of a host. One adapter speaks libvirt; a fake one keeps the same contract in memory.

Every call may raise `HostUnreachableError` (nothing is known) or `OperationFailedError` (the host said no).
Calls block; all are safe from several threads at once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager
from typing import Protocol

from ferryman.fleet.domains import Definitions, Domains, PowerControl
from ferryman.fleet.host_facts import HostFacts, Peer
from ferryman.fleet.images import Images
from ferryman.fleet.machine import Fit, MachineNeeds
from ferryman.fleet.machine_files import MachineFiles
from ferryman.fleet.migrating import Migrations
from ferryman.fleet.ownership import OwnerTags
from ferryman.fleet.storage import BackingImage, Volume, VolumeRef
from ferryman.fleet.survey import HostSurvey
from ferryman.fleet.values import HostDetail, HostReading
from ferryman.fleet.xml.drives import Drives
from ferryman.specs.host_spec import HostSpec


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
    def spec(self) -> HostSpec:
        """How this program reaches it."""
        ...

    @property
    def domains(self) -> Domains:
        """Its VMs, as they are."""
        ...

    @property
    def power(self) -> PowerControl:
        """Which of them run."""
        ...

    @property
    def definitions(self) -> Definitions:
        """Which of them it knows, running or not."""
        ...

    @property
    def drives(self) -> Drives:
        """What is inserted in them."""
        ...

    @property
    def owner_tags(self) -> OwnerTags:
        """Who moves them."""
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
