"""What guests boot: a kernel, and a first file system of busybox, dropbear and our scripts."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from importlib import resources
from pathlib import Path

from ferryman.lab import boot_image, cpio, kernel, keys, shell
from ferryman.lab.cpio import Entry
from ferryman.lab.kernel import Kernel
from ferryman.lab.layout import COUNTER_PORT, Layout
from ferryman.lab.ledger import make_folder

_BUSYBOX = Path("/bin/busybox")
_DROPBEAR = Path("/usr/sbin/dropbear")
_UNPACKED = "vmlinux"
_SCRIPTS = ("init", "counter", "fill", "dirty")


def kernel_path(layout: Layout) -> Path:
    """The kernel that guests boot: unpacked, where that can be."""
    unpacked = layout.image / _UNPACKED
    return unpacked if unpacked.exists() else packed_kernel_path(layout)


def packed_kernel_path(layout: Layout) -> Path:
    """The kernel as UEFI boots it."""
    return layout.image / "vmlinuz"


def initramfs_path(layout: Layout) -> Path:
    """The first file system that guests boot."""
    return layout.image / "initramfs"


def guest_public_key(layout: Layout) -> str:
    """The SSH key that every guest of the lab shows."""
    printed = shell.output(["dropbearkey", "-y", "-f", str(_guest_key(layout))])
    return next(line for line in printed.splitlines() if line.startswith("ssh-"))


def prepare(layout: Layout, cache: Path, machine_root: Path = Path("/")) -> None:
    """Put kernel and initramfs into the lab's folder: the kernel from the cache, the lab's keys of its own."""
    found = kernel.find(machine_root) or kernel.fetch(cache)
    make_folder(layout.image)
    shutil.copyfile(found.image, packed_kernel_path(layout))
    (layout.image / _UNPACKED).unlink(missing_ok=True)
    if (unpacked := _unpacked(cache, found)) is not None:
        shutil.copyfile(unpacked, layout.image / _UNPACKED)
    # Not compressed: an emulated processor is slow at undoing that.
    initramfs_path(layout).write_bytes(
        cpio.archive(cpio.with_folders([*_common_entries(found), *_own_entries(layout)]))
    )


def _unpacked(cache: Path, found: Kernel) -> Path | None:
    """The unpacked kernel, from the cache where the same one was unpacked before; None where it cannot be."""
    kept = cache / f"{_UNPACKED}-{hashlib.sha256(found.image.read_bytes()).hexdigest()[:16]}"
    if not kept.exists():
        make_folder(cache)
        plain = boot_image.unpack(found.image)
        if plain is None:
            return None
        draft = kept.with_suffix(f".{os.getpid()}.draft")
        draft.write_bytes(plain)
        draft.replace(kept)
    return kept


def _common_entries(found: Kernel) -> list[Entry]:
    """What is the same in every lab."""
    return [
        *(cpio.folder(name) for name in ("dev", "proc", "sys", "run", "tmp", "root")),
        *_programs(),
        *(cpio.file(f"modules/{name}.ko", kernel.module(found, name)) for name in kernel.MODULES),
        cpio.file("modules/order", ("\n".join(kernel.MODULES) + "\n").encode()),
        *(cpio.file(name, _script(name), 0o755) for name in _SCRIPTS),
        cpio.file("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n"),
        cpio.file("etc/group", b"root:x:0:\n"),
        cpio.file("etc/shells", b"/bin/sh\n"),
        # The path that busybox's acpid runs when the power button is pressed. Without the network taken down first, one
        # shutdown in some hundred hangs: Linux polled a send queue for ever that it had broken itself (0d0eff39ceb3).
        cpio.file("etc/acpi/PWRF/00000080", b"#!/bin/sh\nsync\nip link set eth0 down\npoweroff -f\n", 0o755),
    ]


def _programs() -> list[Entry]:
    """Busybox, and dropbear with its libraries."""
    libraries = _libraries(shell.output(["ldd", str(_DROPBEAR)]))
    return [
        cpio.file("bin/busybox", _BUSYBOX.read_bytes(), 0o755),
        # Here, and not by its own `--install`: the kernel makes them faster.
        *(cpio.link(f"bin/{applet}", "busybox") for applet in _applets()),
        cpio.file("bin/dropbear", _DROPBEAR.read_bytes(), 0o755),
        *(cpio.file(str(library).lstrip("/"), library.read_bytes(), 0o755) for library in libraries),
    ]


def _applets() -> list[str]:
    """What this busybox can do."""
    return [name for name in shell.output([str(_BUSYBOX), "--list"]).split() if name != "busybox"]


def _script(name: str) -> bytes:
    """One of the guest's scripts, with the lab's constants filled in."""
    text = resources.files("ferryman.lab").joinpath("guest", name).read_text()
    return text.replace("@COUNTER_PORT@", str(COUNTER_PORT)).encode()


def _own_entries(layout: Layout) -> list[Entry]:
    """What belongs to this lab: who may enter its guests, and the key they show."""
    key = _guest_key(layout)
    if not key.exists():
        shell.output(["dropbearkey", "-t", "ed25519", "-f", str(key)])
    return [
        cpio.file("etc/dropbear/key", key.read_bytes(), 0o600),
        cpio.folder("root/.ssh", 0o700),
        cpio.file("root/.ssh/authorized_keys", keys.operator_public_key(layout).encode(), 0o600),
    ]


def _guest_key(layout: Layout) -> Path:
    return layout.image / "dropbear_host_key"


def _libraries(ldd: str) -> list[Path]:
    """The files that `ldd` names, the loader included."""
    return [Path(path) for path in re.findall(r"(/\S+) \(0x", ldd)]
