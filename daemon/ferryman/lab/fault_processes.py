"""Dead and stalled processes of a host: its libvirtd, its VMs' QEMUs."""

from __future__ import annotations

from ferryman.lab import host as hosts
from ferryman.lab.ledger import Ledger
from ferryman.lab.namespaces import Namespace
from ferryman.lab.shell import CommandError, LabError

_QEMU_PIDS = "/run/libvirt/qemu"
_LIBVIRTD_PID = "/run/libvirtd.pid"


def stop_daemon(lab: Ledger, name: str) -> None:
    """Kill the host's libvirtd; its guests run on."""
    try:
        hosts.stop_libvirtd(_namespace(lab, name))
    except CommandError as error:
        raise LabError(f"libvirtd of {name} does not run; start it with `fault start-daemon {name}`") from error


def start_daemon(lab: Ledger, name: str) -> None:
    """Start the host's libvirtd again; nothing happens where it runs."""
    namespace = _namespace(lab, name)
    if not _runs(namespace, _LIBVIRTD_PID):
        hosts.start_libvirtd(namespace)


def kill_qemu(lab: Ledger, name: str, vm: str) -> None:
    """Kill the QEMU of a VM on that host."""
    _signal_qemu(lab, name, vm, "KILL")


def stall_qemu(lab: Ledger, name: str, vm: str) -> None:
    """Stop the QEMU of a VM on that host as a debugger would: it is there, and answers nobody."""
    _signal_qemu(lab, name, vm, "STOP")


def stall_daemon(lab: Ledger, name: str) -> None:
    """Stop the host's libvirtd as a debugger would: connections are taken, and nothing is answered."""
    _signal(_namespace(lab, name), _LIBVIRTD_PID, "STOP", f"libvirtd of {name} does not run")


def wake(lab: Ledger, name: str) -> None:
    """Let everything go on that was stalled on the host; nothing happens where nothing was."""
    namespace = _namespace(lab, name)
    listed = namespace.run("find", _QEMU_PIDS, "-name", "*.pid").split()
    for file in [*listed, _LIBVIRTD_PID]:
        if _runs(namespace, file):
            _signal(namespace, file, "CONT", f"the process of {file} has just ended")


def _signal_qemu(lab: Ledger, name: str, vm: str, signal_name: str) -> None:
    absent = f"{vm} does not run on {name}; see `ferryman lab guest list`"
    _signal(_namespace(lab, name), f"{_QEMU_PIDS}/{vm}.pid", signal_name, absent)


def _signal(namespace: Namespace, pid_file: str, signal_name: str, absent: str) -> None:
    """The id in the file is the host's own numbering, as `kill` in the host's namespaces has it."""
    try:
        namespace.run("kill", f"-{signal_name}", namespace.run("cat", pid_file).strip())
    except CommandError as error:
        raise LabError(absent) from error


def _runs(namespace: Namespace, pid_file: str) -> bool:
    try:
        namespace.run("kill", "-0", namespace.run("cat", pid_file).strip())
    except CommandError:
        return False
    return True


def _namespace(lab: Ledger, name: str) -> Namespace:
    return lab.namespace(lab.layout.host(name).name)
