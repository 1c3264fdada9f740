"""What preflight can find wrong, and what mends it. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FindingCode(StrEnum):
    """What preflight can find. Each code is one kind of trouble, whatever its wording."""

    BRIDGE_MISSING = "bridge-missing"
    NETWORK_MISSING = "network-missing"
    NETWORK_INACTIVE = "network-inactive"
    LINK_MISSING = "link-missing"
    POOL_MISSING = "pool-missing"
    POOL_INACTIVE = "pool-inactive"
    SPACE_SHORT = "space-short"
    MEMORY_SHORT = "memory-short"
    VOLUME_EXISTS = "volume-exists"
    VOLUME_IN_USE = "volume-in-use"
    """A volume that would be overwritten or replaced at the destination is a disk of a VM there."""
    VOLUME_TWICE = "volume-twice"
    """Two disks of the VM would become one volume at the destination."""
    VOLUME_UNKNOWN = "volume-unknown"
    VOLUME_UNFIT = "volume-unfit"
    VOLUME_LARGER = "volume-larger"
    VOLUME_LARGER_COLD = "volume-larger-cold"
    CONVERSION = "conversion"
    BACKING_CHAIN = "backing-chain"
    BACKING_CHAIN_COLD = "backing-chain-cold"
    SNAPSHOTS = "snapshots"
    MANAGED_SAVE = "managed-save"
    HOST_DEVICE = "host-device"
    HOST_DEVICE_COLD = "host-device-cold"
    LIVE_OBSTACLE = "live-obstacle"
    """libvirt or QEMU does not migrate it while it runs."""
    HUGE_PAGES_SHORT = "huge-pages-short"
    CHECKPOINTS = "checkpoints"
    HOST_DEVICE_DEFINED = "host-device-defined"
    DISK_ONLY_DEFINED = "disk-only-defined"
    DISK_ONLY_RUNNING = "disk-only-running"
    CDROM_INSERTED = "cdrom-inserted"
    MACHINE_MISSING = "machine-missing"
    ARCHITECTURE = "architecture"
    UUID_TAKEN = "uuid-taken"
    SAME_MACHINE = "same-machine"
    TRANSIENT = "transient"
    POWER = "power"
    STORAGE_NOT_SHARED = "storage-not-shared"
    NO_PLACE = "no-place"
    VM_MISSING = "vm-missing"
    RUNNING_TWICE = "running-twice"
    ON_TWO_HOSTS = "on-two-hosts"
    SPEC_INVALID = "spec-invalid"
    HELD = "held"
    OLDER_HYPERVISOR = "older-hypervisor"
    WRITES_UNTRACKED = "writes-untracked"
    CERTIFICATE_MISSING = "certificate-missing"
    CERTIFICATE_INVALID = "certificate-invalid"
    CERTIFICATE_EXPIRES = "certificate-expires"
    PLAIN_TEXT = "plain-text"
    CERTIFICATE_UNKNOWN = "certificate-unknown"
    PROMISE_BROKEN = "promise-broken"
    """A method is predicted to keep the VM down for longer than its spec promises."""
    CPU_LACKING = "cpu-lacking"
    CPU_LESSER = "cpu-lesser"
    EMULATOR_MISSING = "emulator-missing"
    VIRTUALIZATION_MISSING = "virtualization-missing"
    FIRMWARE_MISSING = "firmware-missing"
    MACHINE_FILES_STAY = "machine-files-stay"
    TPM_OF_HOST = "tpm-of-host"
    NAME_TAKEN = "name-taken"
    AGENT_SILENT = "agent-silent"
    JOB_RUNNING = "job-running"
    CLOCKS_APART = "clocks-apart"
    PORTS_CLOSED = "ports-closed"
    PORTS_CLOSED_COLD = "ports-closed-cold"
    LIBVIRTD_UNREACHED = "libvirtd-unreached"
    FOLDER_CLOSED = "folder-closed"
    BRIDGE_STP = "bridge-stp"
    CONNECTION_UNMENDABLE = "connection-unmendable"
    IMAGES_UNSERVED = "images-unserved"
    USERFAULTFD_FORBIDDEN = "userfaultfd-forbidden"
    DISK_CACHED = "disk-cached"
    DISK_SHAREABLE = "disk-shareable"
    """A disk that several VMs may write to would be copied from under them."""
    DISK_READ_ONLY = "disk-read-only"
    """A disk that its VM only reads would have to be copied while the VM runs."""
    PROBED_FROM_AN_END = "probed-from-an-end"


class Severity(StrEnum):
    """What a finding does to a plan."""

    BLOCKER = "blocker"
    """The VM does not move until it is mended."""
    WARNING = "warning"
    """The VM moves; the finding goes into its record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that preflight saw, and what mends it."""

    code: FindingCode
    severity: Severity
    reason: str
    remedy: str
