"""What a VM's QEMU asks of its host, and whether a host has it: plain values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Tpm(StrEnum):
    """Where a VM's TPM keeps its state."""

    NONE = "none"
    EMULATED = "emulated"
    """In files of its host; a live migration carries them."""
    PASSED_THROUGH = "passed-through"
    """In its host's own TPM."""


class JobKind(StrEnum):
    """What a VM is busy with, beside running."""

    NONE = "none"
    BACKUP = "backup"
    SAVE = "save"
    DUMP = "dump"
    SNAPSHOT = "snapshot"
    MIGRATION = "migration"
    BLOCK = "block"
    """A disk is being copied, committed or pulled."""
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainJob:
    """A job that holds a VM; not to be taken for `hypervisor.Job`, a migration's progress."""

    kind: JobKind
    disk: str = ""
    """BLOCK only: its target (vda, …)."""


IDLE = DomainJob(kind=JobKind.NONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineNeeds:
    """What a VM's QEMU needs of its host."""

    architecture: str = ""
    machine: str = ""
    virtualization: str = ""
    """libvirt's domain type: kvm or qemu."""
    emulator: str = ""
    """The path that its definition names; empty: libvirt's choice."""
    cpu_xml: str = ""
    """A `<cpu>` that a destination must be able to provide; empty: whatever QEMU's default is."""
    cpu_passed_through: bool = False
    """The guest sees its host's very processor; `cpu_xml` is then that host's."""
    loader: str = ""
    """Firmware that its definition names by path, of a kind that libvirt lists."""
    nvram: str = ""
    """The file that keeps the firmware's variables."""
    nvram_device: str = ""
    """Where they are kept in no file: `block DEVICE`, `network NAME`."""
    tpm: Tpm = Tpm.NONE
    guest_agent: bool | None = None
    """It answers, or has been seen to; None: unknown."""


class CpuFit(StrEnum):
    """A host's processor compared with what a VM needs, by that host's libvirt."""

    FITS = "fits"
    LACKING = "lacking"
    UNKNOWN = "unknown"
    """The host's libvirt could not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """Whether a host has what a VM's QEMU needs; None: its libvirt could not say."""

    cpu: CpuFit = CpuFit.UNKNOWN
    cpu_says: str = ""
    """libvirt's own words on what is lacking."""
    emulator: bool | None = None
    virtualization: bool | None = None
    loaders: frozenset[str] | None = None
    """Firmware that the host's libvirt knows of, by path."""


UNKNOWN_FIT = Fit()
UNKNOWN_NEEDS = MachineNeeds()
