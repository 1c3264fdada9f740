"""Small VMs, each with one thing about it that keeps it from moving or that a person should know. Texts (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import uuid4

from ferryman.lab.layout import HOST_BRIDGE, POOL_PATH
from ferryman.planning.findings import FindingCode
from ferryman.specs.choices import Method

OWN_EMULATOR = "/var/lib/libvirt/own-qemu"
"""Only at the source."""
HUGE_TIB = 8
DISK_POOL, IDLE_POOL = "vms", "idle"
IDLE_PATH = "/var/lib/libvirt/idle"
MEMORY_MIB = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """A VM, and what `plan` must find."""

    name: str
    code: FindingCode
    inside: str = ""
    """Of its definition's <devices>."""
    beside: str = ""
    """Beside those."""
    boot: str = ""
    """In its <os>."""
    runs: bool = False
    method: Method | None = None
    disk: str = ""
    """The file of its one disk, by its path."""
    machine: str = "pc"
    """Its machine type; one that no QEMU of the lab knows is in a definition that its libvirt finds at its start."""
    spec: str = ""
    """The rest of its spec."""
    elsewhere: bool = False
    """It is wanted on the host of another architecture."""


def definition(one: Planted, uuid: str = "") -> str:
    """Its XML. It needs no operating system: its firmware waits for a disk to boot from."""
    disk = disk_xml(one.disk) if one.disk else ""
    return (
        f"<domain type='qemu'><name>{one.name}</name><uuid>{uuid or uuid4()}</uuid>"
        f"<memory unit='MiB'>{MEMORY_MIB}</memory><vcpu>1</vcpu>"
        f"<os><type arch='x86_64' machine='{one.machine}'>hvm</type>{one.boot}</os>"
        f"<features><acpi/></features>{one.beside}"
        f"<devices>{disk}{one.inside}</devices></domain>"
    )


def disk_xml(path: str, trait: str = "") -> str:
    image_format = "qcow2" if path.endswith(".qcow2") else "raw"
    return (
        f"<disk type='file' device='disk'><driver name='qemu' type='{image_format}'/><source file='{path}'/>"
        f"<target dev='vda' bus='virtio'/>{trait}</disk>"
    )


_BRIDGE = f"<interface type='bridge'><source bridge='{HOST_BRIDGE}'/></interface>"
_CDROM = (
    "<disk type='file' device='cdrom'><source file='/var/lib/libvirt/seed.iso'/><target dev='hda' bus='ide'/></disk>"
)
_NETWORK = "<interface type='network'><source network='nowhere'/></interface>"
IDLE_NETWORK = "planted-idle"
"""Active only at the source."""
_IDLE_NETWORK = f"<interface type='network'><source network='{IDLE_NETWORK}'/></interface>"
_MACVTAP = "<interface type='direct'><source dev='nowhere0' mode='bridge'/></interface>"
_FOLDER = (
    "<filesystem type='mount' accessmode='mapped'><source dir='/var/lib/libvirt/images'/><target dir='shared'/>"
    "</filesystem>"
)
_TPM = "<tpm model='tpm-tis'><backend type='passthrough'><device path='/dev/tpm0'/></backend></tpm>"
_FIRMWARE = "<loader readonly='yes' type='pflash'>/usr/share/nowhere/CODE.fd</loader>"
_MORE_CPU = (
    "<cpu mode='custom' match='exact' check='none'><model fallback='forbid'>qemu64</model>"
    "<feature policy='require' name='avx512f'/></cpu>"
)
"""What QEMU's emulation has not."""
_DEVICE = (
    "<hostdev mode='subsystem' type='pci' managed='no'>"
    "<source><address domain='0' bus='0x7f' slot='0x1f' function='0'/></source></hostdev>"
)
_GIVES_UP = f'[storage]\noverwrite = {{ vda = "{DISK_POOL}/larger.img" }}\n'

PLANTED = (
    Planted(name="more-cpu", code=FindingCode.CPU_LESSER, beside=_MORE_CPU),
    Planted(name="newer-machine", code=FindingCode.MACHINE_MISSING, machine="pc-q35-99.0"),
    Planted(name="newer-qemu", code=FindingCode.OLDER_HYPERVISOR),
    Planted(name="other-architecture", code=FindingCode.ARCHITECTURE, elsewhere=True),
    Planted(name="with-a-device", code=FindingCode.HOST_DEVICE_COLD, inside=_DEVICE),
    Planted(
        name="onto-larger", code=FindingCode.VOLUME_LARGER, runs=True, disk=f"{POOL_PATH}/onto.img", spec=_GIVES_UP
    ),
    Planted(name="other-qemu", code=FindingCode.EMULATOR_MISSING, inside=f"<emulator>{OWN_EMULATOR}</emulator>"),
    Planted(name="too-large", code=FindingCode.MEMORY_SHORT, runs=True),
    Planted(name="on-a-network", code=FindingCode.NETWORK_MISSING, inside=_NETWORK),
    Planted(name="on-an-idle-network", code=FindingCode.NETWORK_INACTIVE, inside=_IDLE_NETWORK),
    Planted(name="on-macvtap", code=FindingCode.LINK_MISSING, inside=_MACVTAP),
    Planted(name="with-a-folder", code=FindingCode.LIVE_OBSTACLE, inside=_FOLDER, runs=True),
    Planted(name="checkpointed", code=FindingCode.CHECKPOINTS, disk=f"{POOL_PATH}/checkpointed.qcow2", runs=True),
    Planted(name="defined-anew", code=FindingCode.DISK_ONLY_DEFINED, disk=f"{POOL_PATH}/defined-anew.img", runs=True),
    Planted(name="on-a-bridge", code=FindingCode.BRIDGE_STP, inside=_BRIDGE),
    Planted(name="own-firmware", code=FindingCode.FIRMWARE_MISSING, boot=_FIRMWARE),
    Planted(name="hosts-tpm", code=FindingCode.TPM_OF_HOST, inside=_TPM),
    Planted(name="with-cdrom", code=FindingCode.CDROM_INSERTED, inside=_CDROM),
    Planted(name="snapshotted", code=FindingCode.SNAPSHOTS, disk=f"{POOL_PATH}/snapshotted.qcow2"),
    Planted(name="same-uuid", code=FindingCode.UUID_TAKEN),
    Planted(name="no-agent", code=FindingCode.AGENT_SILENT, runs=True, method=Method.COLD),
    Planted(name="clocks", code=FindingCode.CLOCKS_APART),
    Planted(name="closed-folder", code=FindingCode.FOLDER_CLOSED, disk=f"{POOL_PATH}/closed-folder.img"),
    Planted(name="left-there", code=FindingCode.VOLUME_EXISTS, disk=f"{POOL_PATH}/left-there.img"),
    Planted(name="used-there", code=FindingCode.VOLUME_IN_USE, disk=f"{POOL_PATH}/used-there.img"),
    Planted(
        name="shared-by-many", code=FindingCode.DISK_SHAREABLE, inside=disk_xml(f"{POOL_PATH}/many.img", "<shareable/>")
    ),
    Planted(
        name="only-read",
        code=FindingCode.DISK_READ_ONLY,
        runs=True,
        inside=disk_xml(f"{POOL_PATH}/read.img", "<readonly/>"),
    ),
    Planted(name="huge", code=FindingCode.SPACE_SHORT, disk=f"{POOL_PATH}/huge.img"),
    Planted(name="idle-pool", code=FindingCode.POOL_INACTIVE, disk=f"{IDLE_PATH}/idle-pool.img"),
    Planted(name="no-pool", code=FindingCode.VOLUME_UNKNOWN, disk="/var/lib/libvirt/no-pool.img"),
    Planted(name="layered", code=FindingCode.BACKING_CHAIN, disk=f"{POOL_PATH}/layered.qcow2"),
    Planted(name="busy", code=FindingCode.JOB_RUNNING, disk=f"{POOL_PATH}/busy.img", runs=True),
)
"""Of preflight's list, all that can be made on hosts that are one machine in truth, with one processor and one QEMU.

Left to tests without hosts: a running guest that has a device, or a processor's feature that the destination lacks
(libvirt writes down only what QEMU gave it).
"""
