"""What goes wrong with a host's own places: its pool's file system is full, its SSH key is another one."""

from __future__ import annotations

from ferryman.lab import keys, shell
from ferryman.lab.host import virsh
from ferryman.lab.layout import POOL, POOL_PATH, HostLayout
from ferryman.lab.ledger import Ledger
from ferryman.lab.namespaces import Namespace
from ferryman.lab.shell import CommandError, LabError

_FILLER = f"{POOL_PATH}/.filler"
_SPARE_MIB = 16
"""Of the small file system, on top of what is to be left: something must be there to be full of."""
_KEPT = ".kept"
_SSHD_PID = "/run/sshd.pid"


def fill(lab: Ledger, name: str, left_mib: int) -> None:
    """Let the host's pool have no more room than this. Raises LabError where disks are in it."""
    planned, namespace = lab.layout.host(name), lab.namespace(name)
    if _is_filled(namespace):
        raise LabError(f"the pool of {name} is full already; `fault clear` first")
    disks = namespace.run("ls", POOL_PATH).split()
    if disks:
        # Over them, another file system would hide them from guests that start.
        raise LabError(f"the pool of {name} holds {', '.join(disks)}; move those guests away, or fill another host")
    size_mib = left_mib + _SPARE_MIB
    namespace.run("mount", "-t", "tmpfs", "-o", f"size={size_mib}m,mode=0711", "ferryman-full", POOL_PATH)
    namespace.run("fallocate", "--length", f"{_SPARE_MIB}M", _FILLER)
    virsh(lab.namespace(planned.name), "pool-refresh", POOL)


def empty(lab: Ledger, name: str) -> bool:
    """Give the pool its room again; what was put there meanwhile is gone. False where it was not filled.

    Raises LabError where a guest of the host has a disk there.
    """
    namespace = lab.namespace(name)
    if not _is_filled(namespace):
        return False
    try:
        namespace.run("umount", POOL_PATH)
    except CommandError as error:
        raise LabError(f"a guest on {name} uses its full pool; move it away, then `fault clear` again") from error
    virsh(namespace, "pool-refresh", POOL)
    return True


def change_key(lab: Ledger, name: str) -> None:
    """Give the host's sshd another host key, as a reinstalled host, or an impostor, has: sessions that are open end."""
    key = keys.host_key(lab.layout.host(name))
    kept = key.with_name(key.name + _KEPT)
    if kept.exists():
        raise LabError(f"{name} has another key already; `fault clear` first")
    for path in (key, key.with_suffix(".pub")):
        path.rename(path.with_name(path.name + _KEPT))
    shell.output(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"impostor of {name}", "-f", str(key)])
    namespace = lab.namespace(name)
    _end_sessions(namespace, _reread(namespace))


def restore_key(lab: Ledger, name: str) -> bool:
    """Give it its own key back; False where it has it."""
    planned: HostLayout = lab.layout.host(name)
    key = keys.host_key(planned)
    if not key.with_name(key.name + _KEPT).exists():
        return False
    for path in (key, key.with_suffix(".pub")):
        path.with_name(path.name + _KEPT).replace(path)
    _reread(lab.namespace(name))
    return True


def _is_filled(namespace: Namespace) -> bool:
    return "ferryman-full" in namespace.run("findmnt", "--noheadings", "--output", "SOURCE", "--target", POOL_PATH)


def _reread(namespace: Namespace) -> str:
    """sshd starts itself anew on SIGHUP, as the same process, whose id this is; sessions that are open stay.

    Meanwhile its file with that id is gone.
    """
    sshd = namespace.run("cat", _SSHD_PID).strip()
    namespace.run("kill", "-HUP", sshd)
    return sshd


def _end_sessions(namespace: Namespace, sshd: str) -> None:
    """Each is a child of the sshd that listens."""
    for session in namespace.run("cat", f"/proc/{sshd}/task/{sshd}/children").split():
        try:
            namespace.run("kill", "-KILL", session)
        except CommandError:
            continue  # it ended meanwhile
