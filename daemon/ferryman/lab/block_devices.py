"""Block devices of a lab's hosts, which stand for logical volumes: loop devices over files in the hosts' folders.

Loop devices are the whole machine's. The backing file is made first and is the record that one may be attached, so that
`down` finds it after any crash; detached is only what is attached to that very file, under the name noted beside it.
The node that a host sees is in its own mount namespace, and gone with it. libvirt lists it in the pool as a volume of
type file and format raw, with the device's size; deleting that volume deletes the node, and not the device.
"""

from __future__ import annotations

import os
from pathlib import Path

from ferryman.lab import shell
from ferryman.lab.allowed import check_guest_name
from ferryman.lab.host import virsh
from ferryman.lab.layout import BLOCK_POOL, BLOCK_POOL_PATH, HostLayout, Layout
from ferryman.lab.ledger import Ledger, make_folder
from ferryman.lab.shell import CommandError, LabError

_MIB = 1024 * 1024


def path_of(name: str) -> str:
    """Where every host would see a device of this name."""
    return f"{BLOCK_POOL_PATH}/{name}"


def add(lab: Ledger, host: str, name: str, mib: int) -> None:
    """Give the host an empty block device of this size, a volume of its pool `blocks`.

    Raises LabError where it has one of that name, or the machine has no loop device to spare.
    """
    check_guest_name(name)
    planned, namespace = lab.layout.host(host), lab.namespace(host)
    backing = _backing(planned, name)
    if backing.exists():
        raise LabError(f"{host} has a block device {name} already; choose another name")
    make_folder(backing.parent)
    with backing.open("xb") as content:
        os.truncate(content.fileno(), mib * _MIB)
    try:
        device = Path(shell.output(["losetup", "--find", "--show", str(backing)]).strip())
        _note(backing).write_text(str(device))
        number = device.stat().st_rdev
    except (CommandError, OSError) as error:
        _discard(backing)
        raise LabError(
            f"no loop device for {name}: {error}; see `losetup --all`, and detach what nobody uses"
        ) from error
    namespace.run("mknod", "--mode=600", path_of(name), "b", str(os.major(number)), str(os.minor(number)))
    virsh(namespace, "pool-refresh", BLOCK_POOL)


def remove(lab: Ledger, host: str, name: str) -> bool:
    """Take the device away, with what is on it; False where the host has none of that name."""
    planned, namespace = lab.layout.host(host), lab.namespace(host)
    backing = _backing(planned, name)
    if not backing.exists():
        return False
    namespace.run("rm", "--force", path_of(name))
    _discard(backing)
    virsh(namespace, "pool-refresh", BLOCK_POOL)
    return True


def detach_all(layout: Layout) -> None:
    """Give all of the lab's loop devices back to the machine; the nodes go with the hosts."""
    for host in layout.hosts:
        for backing in _folder(host).glob("*.img"):
            _discard(backing)


def _discard(backing: Path) -> None:
    """Detach what is attached to the file, then delete it. What was attached under another name is not ours."""
    noted = _note(backing).read_text() if _note(backing).exists() else ""
    listed = ["losetup", "--associated", str(backing), "--noheadings", "--output", "NAME"]
    for device in shell.output(listed).split():
        if noted in ("", device):
            shell.output(["losetup", "--detach", device])
    _note(backing).unlink(missing_ok=True)
    backing.unlink()


def _folder(host: HostLayout) -> Path:
    return host.folder / "blocks"


def _backing(host: HostLayout, name: str) -> Path:
    return _folder(host) / f"{name}.img"


def _note(backing: Path) -> Path:
    """The name of the loop device over it."""
    return backing.with_suffix(".device")
