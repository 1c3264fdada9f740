"""What ferryman asks of a host. One adapter speaks libvirt; a fake one keeps the same contract in memory.

Every call may raise `HostUnreachableError` (nothing is known) or `OperationFailedError` (the host said no).
Calls block; all are safe from several threads at once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from ferryman.fleet.adapting import UNCHANGED, Adaptation
from ferryman.fleet.drives import Medium
from ferryman.fleet.host_facts import HostFacts, Peer
from ferryman.fleet.images import Images
from ferryman.fleet.machine import Fit, MachineNeeds
from ferryman.fleet.machine_files import MachineFiles
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
from ferryman.specs.models import HostSpec


class JobPhase(StrEnum):
    """What a domain's migration job is doing."""

    NONE = "none"
    """No job. Ambiguous: not begun, done or failed; the domain on both ends tells."""
    SETUP = "setup"
    """Begun; nothing moves yet."""
    DISKS = "disks"
    """The disks' mirrors are filling."""
    MEMORY = "memory"
    """Memory is moving while the guest runs."""
    POST_COPY = "post-copy"
    """The guest runs at the destination, and its memory follows."""
    POST_COPY_BROKEN = "post-copy-broken"
    """The connection broke meanwhile: the guest stands still at both ends until the migration is resumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A migration job's progress, as the hypervisor counts it."""

    phase: JobPhase
    elapsed_ms: int = 0
    memory_total_bytes: int = 0
    memory_processed_bytes: int = 0
    memory_remaining_bytes: int = 0
    memory_bytes_s: int = 0
    memory_iteration: int = 0
    disk_total_bytes: int = 0
    disk_processed_bytes: int = 0
    disk_bytes_s: int = 0
    downtime_ms: int | None = None
    """Of a completed job: for how long the vCPUs stood still."""
    setup_ms: int | None = None


class MemoryTransfer(StrEnum):
    """When memory is sent."""

    PRE_COPY = "pre-copy"
    """While the guest runs at the source."""
    POST_COPY = "post-copy"
    """At first as pre-copy; from `start_post_copy` on the guest runs at the destination, and memory follows."""
    PAUSED = "paused"
    """While the guest stands still."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveMigration:
    """What a live migration is asked to do."""

    vm: str
    peer_uri: str
    """The destination's libvirtd, as the source's libvirtd reaches it."""
    data_uri: str
    """Where memory and disks are sent: tcp://ADDRESS."""
    copied_disks: tuple[str, ...] = ()
    """Targets (vda, …) whose volumes stand ready at the destination."""
    adaptation: Adaptation = UNCHANGED
    """What differs at the destination."""
    bandwidth_mib_s: int = 0
    """0: no cap."""
    memory: MemoryTransfer = MemoryTransfer.PRE_COPY
    layers_only: bool = False
    """Of copied disks that are layers, copy the layer alone: the destination has the backing image."""
    tls: bool = False
    """Memory and disks travel under TLS, with the certificates of both hosts' QEMU."""
    tls_name: str = ""
    """The name that the destination's certificate must bear; empty: the address in `data_uri`."""
    connections: int = 1
    """That memory is sent over."""
    auto_converge: bool = False
    """Slow a guest down that writes too fast."""


class Domains(Protocol):
    """The VMs of one host."""

    def inspect(self, vm: str) -> DomainDetail:
        """All that planning needs of one VM."""
        ...

    def power(self, vm: str) -> Power | None:
        """The VM's power state; None where the host knows no such VM."""
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

    def start(self, vm: str) -> None:
        """Power on."""
        ...

    def request_shutdown(self, vm: str) -> None:
        """Ask the guest to power itself off; returns at once."""
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


class VolumeReader(Protocol):
    """A volume's content as runs of data and holes, in order."""

    def runs(self) -> Iterator[bytes | int]:
        """Bytes are data, an int is a hole of that many bytes."""
        ...


class Volumes(Protocol):
    """The storage of one host."""

    def find(self, ref: VolumeRef) -> Volume | None:
        """The volume, or None where the pool answers that there is none."""
        ...

    def create(
        self,
        ref: VolumeRef,
        *,
        format: str,  # noqa: A002
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


class Migrations(Protocol):
    """Live migrations that leave one host."""

    def migrate(self, request: LiveMigration) -> None:
        """Migrate, persistent there, still defined here afterwards; returns when it is over."""
        ...

    def job(self, vm: str) -> Job:
        """The migration job under way."""
        ...

    def completed_job(self, vm: str) -> Job | None:
        """The last finished job's figures, where the host still has them."""
        ...

    def set_max_downtime(self, vm: str, downtime_ms: int) -> None:
        """Limit the switch-over's pause."""
        ...

    def start_post_copy(self, vm: str) -> None:
        """Let the guest run at the destination from now on, its memory following. The point of no return."""
        ...

    def resume_post_copy(self, request: LiveMigration) -> None:
        """Take up a post-copy migration whose connection broke; returns when it is over."""
        ...

    def drop_incoming(self, vm: str) -> None:
        """Of a VM whose memory is to follow it here: drop a connection that is dead. None is no error."""
        ...

    def abort(self, vm: str) -> None:
        """Cancel the job; the guest goes on at the source. No job is no error."""
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

    def describe(self, wanted: Collection[VolumeRef], images: Collection[str] = ()) -> HostDetail:
        """What planning needs of a destination, with the volumes of these names and paths as far as they exist."""
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
