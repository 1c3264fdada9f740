"""What somebody, or the machine, does beside ferryman: deeds of named faults that go on until they are taken back."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial

from copies import qemus
from trial import Trial

from ferryman.lab import fault_places, faults
from ferryman.lab.layout import POOL_PATH

_PORTS = range(49152, 49216)
"""libvirt's for memory and disks."""
_LISTEN = """\
import socket, sys
held = []
for port in range(int(sys.argv[1]), int(sys.argv[2])):
    try:
        held.append(socket.create_server(("", port)))
    except OSError:
        continue  # taken by somebody else: taken all the same
print("ready", flush=True)
sys.stdin.read()
"""
_SLOW_MBIT_S = 60
"""A move that a person began lasts for some seconds. Not longer: the longer an emulated guest's memory is copied, the
likelier QEMU before 9.0 misses a page that it wrote meanwhile (decision 8): one hung in its timers' tree, at 20."""
_MUCH_MIB = 24
_ENDS_WITHIN_S = 30.0
_SMALL_POOL_MIB = 160
_CALLS = "pwrite64,pwritev,pwritev2,fdatasync"


def take_ports(one: Trial, host: str, *, ports: Sequence[int] = _PORTS) -> Callable[[], object]:
    """Another program listens on the host's migration ports."""
    listen = [sys.executable, "-c", _LISTEN, str(ports[0]), str(ports[-1] + 1)]
    argv = one.lab.ledger.namespace(host).enter(listen)
    holder = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "ready\n"
    return partial(holder.communicate, timeout=_ENDS_WITHIN_S)


def take_first_port(one: Trial, host: str) -> Callable[[], object]:
    """The one that libvirt would take."""
    return take_ports(one, host, ports=_PORTS[:1])


def migrate_by_hand(one: Trial, host: str) -> Callable[[], object]:
    """A person moves the guest, slowly, to this host; it is waited for, and what it leaves behind is deleted."""
    faults.narrow(one.lab.ledger, host, _SLOW_MBIT_S)
    one.lab.virsh(host, "vol-create-as", "vms", one.lab.disk(one.vm, host).name, "64M", "--format", "qcow2")
    moving = subprocess.Popen(one.lab.ledger.operator.enter(_by_hand(one, host)))
    while "Outgoing migration" not in one.lab.virsh(one.home, "domjobinfo", one.vm):
        assert moving.poll() is None, "the person's own move begins"

    def over() -> None:
        code = moving.wait(timeout=120)
        faults.widen(one.lab.ledger, host)
        assert code == 0, "the person's own move came to its end"
        one.lab.disk(one.vm, one.home).unlink()

    return over


def migrate_by_hand_in_vain(one: Trial, host: str) -> Callable[[], object]:
    """A person tries the same while the daemon moves it: libvirt lets only one do that."""
    done = one.lab.exec(_by_hand(one, host))
    assert done.returncode != 0
    return lambda: None


def write_much(one: Trial, _host: str) -> Callable[[], object]:
    """The guest's disk takes some seconds to copy."""
    one.lab.fill(one.vm, _MUCH_MIB)
    return lambda: None


def shrink_pool(one: Trial, host: str) -> Callable[[], object]:
    """The host's pool has room for the guest's disk, and little more."""
    fault_places.fill(one.lab.ledger, host, left_mib=_SMALL_POOL_MIB)
    return lambda: fault_places.empty(one.lab.ledger, host)


def fill_up_pool(one: Trial, host: str) -> Callable[[], object]:
    """What was left of that room is taken while the disk arrives."""
    namespace = one.lab.ledger.namespace(host)
    left = namespace.run("df", "--output=avail", "--block-size=1K", POOL_PATH).split()[-1]
    namespace.run("fallocate", "--length", f"{left}K", f"{POOL_PATH}/.somebodys")
    return lambda: None


def fail_writes(one: Trial, host: str) -> Callable[[], object]:
    """The guest's QEMU on that host gets EIO for what it writes to its disks."""
    (pid,) = qemus(one.vm, {one.lab.ledger.namespace(host).network_inode})
    inject = ["strace", "-f", "-o", "/dev/null", "-e", f"inject={_CALLS}:error=EIO", "-p", str(pid)]
    tracer = subprocess.Popen(inject, stderr=subprocess.PIPE, text=True)
    assert tracer.stderr is not None
    assert "attached" in tracer.stderr.readline()

    def over() -> None:
        # It ends by itself with what it traces.
        tracer.terminate()
        tracer.communicate(timeout=_ENDS_WITHIN_S)

    return over


def use_several_connections(one: Trial, _host: str) -> Callable[[], object]:
    """Its spec wants its memory sent over four."""
    one.daemon.specs.append(f"vms/{one.vm}.toml", "\n[live]\nconnections = 4\n")
    return lambda: None


def _by_hand(one: Trial, host: str) -> list[str]:
    options = ["--live", "--p2p", "--persistent", "--undefinesource", "--copy-storage-all"]
    source, destination = (f"qemu+ssh://root@{name}/system" for name in (one.home, host))
    return ["virsh", "--quiet", f"--connect={source}", "migrate", *options, one.vm, destination]
