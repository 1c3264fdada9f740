"""The programs that a lab needs, and the Debian packages that bring them."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from ferryman.lab.shell import LabError

PACKAGES: Mapping[str, str] = {
    "apt-get": "apt",
    "busybox": "busybox-static",
    "dpkg-deb": "dpkg",
    "dropbear": "dropbear-bin",
    "dropbearkey": "dropbear-bin",
    "hostname": "hostname",
    "ip": "iproute2",
    "losetup": "mount",
    "libvirtd": "libvirt-daemon-system",
    "lz4": "lz4",
    "nft": "nftables",
    "nsenter": "util-linux",
    "qemu-system-x86_64": "qemu-system-x86",
    "ssh": "openssh-client",
    "sshd": "openssh-server",
    "sysctl": "procps",
    "tc": "iproute2",
    "unshare": "util-linux",
    "virsh": "libvirt-clients",
    "virtlogd": "libvirt-daemon",
}
"""Program -> package."""


STORAGE_PACKAGES: Mapping[str, str] = {
    "ganesha.nfsd": "nfs-ganesha",
    "rpcbind": "rpcbind",
    "ss": "iproute2",
    "tgtadm": "tgt",
    "tgtd": "tgt",
}
"""Program -> package, for a lab with a storage host."""
STORAGE_LIBRARIES: Mapping[str, str] = {
    "ganesha/libfsalvfs.so": "nfs-ganesha-vfs",
    "qemu/block-iscsi.so": "qemu-block-extra",
    "qemu/block-nfs.so": "qemu-block-extra",
}
"""What those programs and QEMU load, in a folder of the machine's architecture -> package."""
_LIBRARIES = Path("/usr/lib")


GUEST_PACKAGES: Mapping[str, str] = {
    "/usr/share/OVMF/OVMF_CODE_4M.fd": "ovmf",
    "swtpm": "swtpm",
    "swtpm_setup": "swtpm-tools",
}
"""File or program -> package, for guests with UEFI or a TPM."""


def require_for_guest(*, uefi: bool, tpm: bool) -> None:
    """Raise LabError where what such a guest needs is missing; it names all the packages at once."""
    firmware, *programs = GUEST_PACKAGES
    missing = [program for program in programs if tpm and shutil.which(program) is None]
    if uefi and not Path(firmware).exists():
        missing.append(firmware)
    if missing:
        packages = " ".join(sorted({GUEST_PACKAGES[one] for one in missing}))
        raise LabError(f"such a guest needs more; run: apt-get install --no-install-recommends {packages}")


def missing_packages(*, storage: bool = False, libraries: Path = _LIBRARIES) -> list[str]:
    """The packages whose programs are not on this machine's PATH; for a storage host, their libraries too."""
    programs = {**PACKAGES, **STORAGE_PACKAGES} if storage else PACKAGES
    missing = {package for program, package in programs.items() if shutil.which(program) is None}
    if storage:
        missing |= {package for name, package in STORAGE_LIBRARIES.items() if not any(libraries.glob(f"*/{name}"))}
    return sorted(missing)


def require(*, storage: bool = False) -> None:
    """Raise LabError where something is missing; it names all the packages at once."""
    if missing := missing_packages(storage=storage):
        raise LabError(
            f"the lab lacks programs; run: apt-get install --no-install-recommends {' '.join(missing)}"
            " (where they are installed, add /usr/sbin to PATH)"
        )
