"""What a VM's machine keeps in files of its host besides its disks: firmware variables (NVRAM) and a TPM's state.

A live migration carries them in QEMU's stream. Of a VM that is off they are files to be brought along.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from ferryman.fleet.machine import MachineNeeds, Tpm

_TPM_FOLDER = "/var/lib/libvirt/swtpm"
"""libvirt's, with a folder for each VM, named by its UUID."""
MOST_BYTES = 64 * 1024 * 1024
"""More than this is no NVRAM and no TPM's state."""


def files_of(uuid: str, needs: MachineNeeds) -> tuple[str, ...]:
    """Files and folders, as absolute paths."""
    nvram = (needs.nvram,) if needs.nvram else ()
    return (*nvram, f"{_TPM_FOLDER}/{uuid}") if needs.tpm is Tpm.EMULATED else nvram


class MachineFiles(Protocol):
    """Such files on one host. The calls raise as those of `Hypervisor` do; a host without SSH refuses them."""

    def absent(self, paths: Collection[str]) -> frozenset[str]:
        """Those that the host does not have."""
        ...

    def fetch(self, paths: Collection[str]) -> bytes:
        """Those that the host has, with their owners and modes, as an archive for `store`."""
        ...

    def store(self, archive: bytes) -> None:
        """Put them where they were on the other host; what is there is replaced."""
        ...

    def remove(self, paths: Collection[str]) -> None:
        """Remove files and folders. One that is not there is no error."""
        ...
