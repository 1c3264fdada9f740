"""The guests' kernel: Debian's cloud kernel, from this machine or from its package, which is never installed."""

from __future__ import annotations

import lzma
from dataclasses import dataclass
from pathlib import Path

from ferryman.lab import shell
from ferryman.lab.shell import LabError

MODULES = (
    "virtio_ring",
    "virtio",
    "virtio_pci_legacy_dev",
    "virtio_pci_modern_dev",
    "virtio_pci",
    "virtio_blk",
    "failover",
    "net_failover",
    "virtio_net",
    "virtio_console",
    "button",
    "evdev",
)
"""In the order in which they must be loaded."""
_META_PACKAGE = "linux-image-cloud-amd64"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """A kernel and where its modules are."""

    image: Path
    modules: Path


def find(root: Path) -> Kernel | None:
    """The newest cloud kernel under a root folder that has its modules too, or None."""
    for image in sorted((root / "boot").glob("vmlinuz-*-cloud-amd64"), reverse=True):
        modules = root / "lib" / "modules" / image.name.removeprefix("vmlinuz-")
        if (modules / "kernel").is_dir():
            return Kernel(image=image, modules=modules)
    return None


def fetch(cache: Path) -> Kernel:
    """The kernel from the cache; downloaded and unpacked there, with apt's own checks, where it is missing."""
    unpacked = cache / "kernel"
    if (kept := find(unpacked)) is not None:
        return kept
    cache.mkdir(parents=True, exist_ok=True)
    package = _kernel_package(shell.output(["apt-cache", "depends", _META_PACKAGE]))
    download = ["env", f"--chdir={cache}", "apt-get", "download", "--quiet", "-o", "APT::Sandbox::User=root", package]
    shell.output(download, timeout_s=300)
    archives = sorted(cache.glob(f"{package}_*.deb"))
    if not archives:
        raise LabError(f"apt-get downloaded no {package}; run `apt-get update` and try again")
    shell.output(["dpkg-deb", "--extract", str(archives[-1]), str(unpacked)], timeout_s=120)
    found = find(unpacked)
    if found is None:
        raise LabError(f"{archives[-1]} holds no cloud kernel; remove it and try again")
    for archive in archives:
        archive.unlink()
    return found


def module(kernel: Kernel, name: str) -> bytes:
    """A module's content, uncompressed; LabError where the kernel does not have it."""
    for spelling in (name, name.replace("_", "-")):
        for path in kernel.modules.glob(f"kernel/**/{spelling}.ko*"):
            content = path.read_bytes()
            return lzma.decompress(content) if path.suffix == ".xz" else content
    raise LabError(f"{kernel.modules} has no module {name}; remove that kernel's folder to fetch it anew")


def _kernel_package(depends: str) -> str:
    """The package that the meta package depends on, from `apt-cache depends`."""
    for line in depends.splitlines():
        relation, _, package = line.strip().partition(": ")
        if relation == "Depends" and package.startswith("linux-image-"):
            return package
    raise LabError(f"apt knows no kernel behind {_META_PACKAGE}; run `apt-get update`")
