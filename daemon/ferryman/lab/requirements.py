"""The programs that a lab needs, and the Debian packages that bring them."""

from __future__ import annotations

import shutil
from collections.abc import Mapping

from ferryman.lab.shell import LabError

PACKAGES: Mapping[str, str] = {
    "apt-get": "apt",
    "busybox": "busybox-static",
    "dpkg-deb": "dpkg",
    "dropbear": "dropbear-bin",
    "dropbearkey": "dropbear-bin",
    "hostname": "hostname",
    "ip": "iproute2",
    "libvirtd": "libvirt-daemon-system",
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


def missing_packages() -> list[str]:
    """The packages whose programs are not on this machine's PATH."""
    return sorted({package for program, package in PACKAGES.items() if shutil.which(program) is None})


def require() -> None:
    """Raise LabError where a program is missing; it names all the packages at once."""
    if missing := missing_packages():
        raise LabError(
            f"the lab lacks programs; run: apt-get install --no-install-recommends {' '.join(missing)}"
            " (where they are installed, add /usr/sbin to PATH)"
        )
