"""What ferryman asks of a host for the content of disks on its way to another host, over NBD (protocol only).

The destination serves a volume; the source's QEMU mirrors a running VM's disk into it, or a program of the source
copies an image that nobody uses. What travels is what the guest sees, so that both ends may differ in format and kind.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from ferryman.specs.fields import bracketed


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A disk's content as it lies on a host."""

    path: str
    format: str
    """raw, qcow2, …"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """An image that a host serves over NBD."""

    address: str
    port: int
    name: str
    tls_name: str = ""
    """The name that the server's certificate must bear, as QEMU's for migrations does; empty: in plain text."""

    @property
    def uri(self) -> str:
        """As NBD's programs take it, and people read it."""
        return f"nbd{'s' if self.tls_name else ''}://{bracketed(self.address)}:{self.port}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """How far a mirror is."""

    total_bytes: int
    processed_bytes: int
    ready: bool
    """All is there, and whatever the guest writes from now on is at both ends before the guest is told so."""


class Images(Protocol):
    """The content of one host's disks. The calls raise as those of `Hypervisor` do."""

    def serve(self, image: Image, *, name: str, address: str, tls_name: str = "") -> AbstractContextManager[Export]:
        """Serve an image to be written, until the block ends; then all of it is on the disk.

        `tls_name`: only to hosts of the same authority, under TLS, with a certificate for that name.
        """
        ...

    def mirror(self, vm: str, target: str, export: Export, *, bandwidth_mib_s: int) -> None:
        """Begin to mirror a running VM's disk, its writes included; 0 MiB/s: no cap. It ends with the VM's QEMU."""
        ...

    def mirrored(self, vm: str, target: str) -> Mirror | None:
        """How far it is; None where there is no mirror, or it has failed."""
        ...

    def mirror_broke(self, vm: str, target: str) -> bool:
        """Whether it ended before the VM's QEMU did, and the copy lacks writes; asked once the VM is off."""
        ...

    def cancel_mirror(self, vm: str, target: str) -> None:
        """End it; the VM goes on without. No mirror, or no such VM, is no error."""
        ...

    def reach(self, export: Export) -> None:
        """Connect to an export once, and change nothing. Raises OperationFailedError where it is not reached."""
        ...

    def copy(self, image: Image, export: Export, *, bandwidth_mib_s: int, told: Callable[[float], None]) -> None:
        """Copy an image that nobody writes; `told` hears the share that is done, and what it raises ends the copy."""
        ...

    def same(self, image: Image, export: Export, *, told: Callable[[float], None]) -> bool:
        """Whether the guest would see the same in both."""
        ...
