"""What ferryman asks of a host about live migrations that leave it (protocol only).

The calls raise as those of `Hypervisor` do.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from ferryman.fleet.xml.adapting import UNCHANGED, Adaptation
from ferryman.specs.host_spec import HostSpec


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
    throttle_percent: int = 0
    """Of its time that the guest is held back, so that it writes less (auto-converge)."""
    disk_total_bytes: int = 0
    disk_processed_bytes: int = 0
    disk_remaining_bytes: int = 0
    """Grows with what a guest writes to disks that are being copied."""
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
    """Of all that the migration sends; 0: no cap. Copied disks share it, and memory then begins with one's share:
    it has the whole of it from `set_max_bandwidth` on."""
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
    """Slow a guest down that writes its memory too fast."""
    synchronous_writes: bool = False
    """Slow a guest down that writes copied disks too fast: each of its writes ends only once it has arrived too."""


class Migrations(Protocol):
    """Live migrations that leave one host.

    `through` is the destination where this program drives the migration by connections of its own: it is cancelled when
    the program ends. None: the source's libvirtd drives it, and goes on without the program (peer-to-peer).
    """

    def migrate(self, request: LiveMigration, through: HostSpec | None = None) -> None:
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

    def set_max_bandwidth(self, vm: str, mib_s: int) -> None:
        """Cap the speed, from 1 MiB/s on, until the guest is stopped for its switch-over."""
        ...

    def start_post_copy(self, vm: str) -> None:
        """Let the guest run at the destination from now on, its memory following. The point of no return."""
        ...

    def resume_post_copy(self, request: LiveMigration, through: HostSpec | None = None) -> None:
        """Take up a post-copy migration whose connection broke; returns when it is over."""
        ...

    def drop_incoming(self, vm: str) -> None:
        """Of a VM whose memory is to follow it here: drop a connection that is dead. None is no error."""
        ...

    def abort(self, vm: str) -> None:
        """Cancel the job; the guest goes on at the source. No job is no error."""
        ...
