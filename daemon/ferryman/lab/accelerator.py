"""Which accelerator runs guests here: decided by booting one, because /dev/kvm may exist and run none."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from ferryman.lab import guest_image, shell
from ferryman.lab.guest_xml import Accelerator
from ferryman.lab.layout import Layout
from ferryman.lab.ledger import boot_id

_TRIAL_S = 3.0
_SIGN = "ferryman guest: the kernel is up"
_KVM = Path("/dev/kvm")


def choose(layout: Layout, cache: Path) -> Accelerator:
    """KVM where a kernel reached its first process within 3 s, else TCG.

    The trial is made once while the machine is up, and remembered in the cache.
    """
    verdict = cache / f"accelerator-{boot_id()}"
    if not verdict.exists():
        chosen = Accelerator.KVM if _KVM.exists() and _boots_with_kvm(layout) else Accelerator.TCG
        verdict.write_text(chosen.value)
    shutil.copyfile(verdict, _chosen(layout))
    return chosen_for(layout)


def chosen_for(layout: Layout) -> Accelerator:
    """What `choose` said when the lab came up."""
    return Accelerator(_chosen(layout).read_text())


def supports_direct_io(folder: Path) -> bool:
    """Whether the folder's file system opens files with O_DIRECT."""
    trial = folder / "direct-io-trial"
    try:
        os.close(os.open(trial, os.O_CREAT | os.O_WRONLY | os.O_DIRECT, 0o600))
    except OSError:
        return False
    finally:
        trial.unlink(missing_ok=True)
    return True


def _chosen(layout: Layout) -> Path:
    return layout.image / "accelerator"


def _boots_with_kvm(layout: Layout) -> bool:
    console = layout.image / "kvm-trial.log"
    machine = ["-machine", "pc,accel=kvm", "-cpu", "host", "-m", "96", "-nodefaults", "-display", "none", "-no-reboot"]
    boot = ["-kernel", str(guest_image.kernel_path(layout)), "-initrd", str(guest_image.initramfs_path(layout))]
    # `panic=-1` and no reboot: a kernel that fails ends the trial at once.
    boot += ["-append", "console=ttyS0 panic=-1 ferryman.trial=1", "-serial", f"file:{console}"]
    bounded = ["timeout", "--signal=KILL", str(_TRIAL_S), "qemu-system-x86_64", *machine, *boot]
    shell.attempt(bounded, timeout_s=_TRIAL_S + 10)
    return console.exists() and _SIGN in console.read_text(errors="replace")
