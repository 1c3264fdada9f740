"""A guest's definition for libvirt (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never
from xml.etree import ElementTree

from ferryman.lab.allowed import STORAGE_HOST
from ferryman.lab.layout import BLOCK_POOL_PATH, HOST_BRIDGE, POOL_PATH, mac_of
from ferryman.lab.storage_files import ISCSI_PORT, lun_name, nfs_name

FAST_BIOS = "/usr/share/qemu/qboot.rom"
"""Knows nothing but how to boot a kernel: under emulation it takes 0.1 s, SeaBIOS 0.5 s and a network card's ROM more.
It comes with QEMU."""
MACHINE, DISK_SLOT, NETWORK_SLOT = "q35", "0x02", "0x03"
"""Its devices are not below PCI Express root ports, where libvirt would put them: probing one takes an emulated guest
0.4 s (and without one no device can be plugged in while it runs). The older machine `pc` takes 0.15 s for each device:
its firmware's table of interrupts is a program that the guest runs each time."""
UEFI_CODE = "/usr/share/OVMF/OVMF_CODE_4M.fd"
UEFI_VARIABLES = "/usr/share/OVMF/OVMF_VARS_4M.fd"
"""What a UEFI guest's settings begin as."""
NVRAM_PATH = "/var/lib/libvirt/qemu/nvram"


class DiskFormat(StrEnum):
    """How a guest's disk is kept on its host."""

    QCOW2 = "qcow2"
    RAW = "raw"


class DiskHome(StrEnum):
    """Where a guest's disk is, and so what becomes of it in a move."""

    COPY = "copy"
    """In its host's own pool: it is copied."""
    NFS = "nfs"
    """On the storage host's export, by QEMU's own NFS client: it stays."""
    BLOCK = "block"
    """A block device of its host: it is copied."""
    ISCSI = "iscsi"
    """Behind an iSCSI target on the storage host, by QEMU's own initiator: it stays."""


class Accelerator(StrEnum):
    """What runs a guest's instructions; the values are libvirt's domain types."""

    KVM = "kvm"
    """The processor itself: only where a guest was seen to boot this way."""
    TCG = "qemu"
    """QEMU's translator: everywhere, slower."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestPlan:
    """A guest as it was asked for."""

    name: str
    address: str
    memory_mib: int = 96
    disk_mib: int = 64
    disk: DiskHome = DiskHome.COPY
    disk_format: DiskFormat = DiskFormat.QCOW2
    """Of a disk in its host's pool; on the storage host every disk is raw."""
    filled_mib: int = 0
    """Memory that holds data which the guest leaves alone; 0: none."""
    dirty_mib: int = 0
    """Memory that the guest rewrites for ever; 0: none."""
    uefi: bool = False
    """UEFI instead of a BIOS, its settings in a file of its own (NVRAM)."""
    tpm: bool = False
    """With an emulated TPM 2.0, whose state its host keeps."""

    def least_memory_mib(self) -> int:
        """What it needs so that its kernel kills nothing: 68 MiB were taken of one that had just booted."""
        return 76 + self.filled_mib + self.dirty_mib

    @property
    def volume(self) -> str:
        """Its disk's name in the pool, where it is in one."""
        if self.disk is DiskHome.BLOCK:
            return self.name
        suffix = "qcow2" if self.disk_format is DiskFormat.QCOW2 else "img"
        return f"{self.name}.{suffix}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What every guest of a lab boots, and on what."""

    kernel: str
    packed_kernel: str
    """The one that UEFI boots."""
    initramfs: str
    accelerator: Accelerator
    direct_io: bool
    """Whether the pools' file system can bypass the page cache."""
    prefix_length: int


def command_line(guest: GuestPlan, prefix_length: int) -> str:
    """What the guest's `init` reads."""
    words = ["console=ttyS0", "panic=-1", "random.trust_cpu=on"]
    # A third of an emulated boot: self-tests of ciphers and timers, hundreds of lines on a serial port, and patching
    # code for one processor, and against attacks that no emulated one knows.
    words += ["cryptomgr.notests", "no_timer_check", "quiet", "mitigations=off", "noreplace-smp"]
    # QEMU before 9.0 tracks an emulated guest's writes only where the guest changes address spaces often: with pages
    # isolated it does so at every system call. See decision 8.
    words.append("pti=on")
    words.append(f"ferryman.address={guest.address}/{prefix_length}")
    if guest.filled_mib:
        words.append(f"ferryman.filled_mib={guest.filled_mib}")
    if guest.dirty_mib:
        words.append(f"ferryman.dirty_mib={guest.dirty_mib}")
    return " ".join(words)


def domain_xml(guest: GuestPlan, machine: Machine) -> str:
    """The definition: one disk, one interface, a console into a file."""
    domain = ElementTree.Element("domain", type=machine.accelerator.value)
    _text(domain, "name", guest.name)
    _text(domain, "memory", str(guest.memory_mib), unit="MiB")
    _text(domain, "vcpu", "1")
    _boot(domain, guest, machine)
    features = _sub(domain, "features")
    _sub(features, "acpi")
    if machine.accelerator is Accelerator.KVM:
        _sub(domain, "cpu", mode="host-passthrough")
    _text(domain, "on_poweroff", "destroy")
    _text(domain, "on_reboot", "restart")
    _text(domain, "on_crash", "destroy")
    _devices(_sub(domain, "devices"), guest, machine)
    ElementTree.indent(domain)
    return ElementTree.tostring(domain, encoding="unicode")


def _boot(domain: ElementTree.Element, guest: GuestPlan, machine: Machine) -> None:
    boot = _sub(domain, "os")
    _text(boot, "type", "hvm", arch="x86_64", machine=MACHINE)
    if guest.uefi:
        _text(boot, "loader", UEFI_CODE, readonly="yes", type="pflash")
        _text(boot, "nvram", f"{NVRAM_PATH}/{guest.name}.fd", template=UEFI_VARIABLES)
    else:
        _text(boot, "loader", FAST_BIOS, readonly="yes", type="rom")
    _text(boot, "kernel", machine.packed_kernel if guest.uefi else machine.kernel)
    _text(boot, "initrd", machine.initramfs)
    _text(boot, "cmdline", command_line(guest, machine.prefix_length))


def _devices(devices: ElementTree.Element, guest: GuestPlan, machine: Machine) -> None:
    _disk(devices, guest, direct_io=machine.direct_io)
    _sub(devices, "controller", type="usb", model="none")
    interface = _sub(devices, "interface", type="bridge")
    _sub(interface, "mac", address=mac_of(guest.name))
    _sub(interface, "source", bridge=HOST_BRIDGE)
    _sub(interface, "model", type="virtio")
    _at_slot(interface, NETWORK_SLOT)
    serial = _sub(devices, "serial", type="file")
    _sub(serial, "source", path=f"/var/log/libvirt/qemu/{guest.name}-console.log", append="on")
    _sub(devices, "memballoon", model="none")
    if guest.tpm:
        tpm = _sub(devices, "tpm", model="tpm-tis")
        _sub(tpm, "backend", type="emulator", version="2.0")


def _disk(devices: ElementTree.Element, guest: GuestPlan, *, direct_io: bool) -> None:
    in_pool = guest.disk is DiskHome.COPY
    kind = {DiskHome.COPY: "file", DiskHome.BLOCK: "block"}.get(guest.disk, "network")
    image_format = guest.disk_format if in_pool else DiskFormat.RAW
    # On the storage host a write must be there, not in this host's memory, before another host takes over.
    cache = {"cache": "none"} if direct_io or not in_pool else {}
    disk = _sub(devices, "disk", type=kind, device="disk")
    _sub(disk, "driver", name="qemu", type=image_format.value, **cache)
    match guest.disk:
        case DiskHome.COPY:
            _sub(disk, "source", file=f"{POOL_PATH}/{guest.volume}")
        case DiskHome.BLOCK:
            _sub(disk, "source", dev=f"{BLOCK_POOL_PATH}/{guest.volume}")
        case DiskHome.NFS:
            source = _sub(disk, "source", protocol="nfs", name=nfs_name(guest.name))
            _sub(source, "host", name=STORAGE_HOST)
            _sub(source, "identity", user="+0", group="+0")
        case DiskHome.ISCSI:
            source = _sub(disk, "source", protocol="iscsi", name=lun_name(guest.name))
            _sub(source, "host", name=STORAGE_HOST, port=str(ISCSI_PORT))
        case _:
            assert_never(guest.disk)
    _sub(disk, "target", dev="vda", bus="virtio")
    _at_slot(disk, DISK_SLOT)


def _at_slot(device: ElementTree.Element, slot: str) -> None:
    _sub(device, "address", type="pci", domain="0x0000", bus="0x00", slot=slot, function="0x0")


def _sub(parent: ElementTree.Element, tag: str, **attributes: str) -> ElementTree.Element:
    return ElementTree.SubElement(parent, tag, attributes)


def _text(parent: ElementTree.Element, tag: str, text: str, **attributes: str) -> None:
    _sub(parent, tag, **attributes).text = text
