"""What named faults do to a trial, and what takes each back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import others
from trial import Trial

from ferryman.lab import fault_places, fault_processes, fault_state, faults
from ferryman.lab.layout import POOL
from ferryman.lab.ledger import OPERATOR

Undo = Callable[[], object]
Deed = Callable[[Trial, str], Undo]
"""Given the host that it is about; empty where it is about none."""

_LEFT_MIB = 4
_DATA_PORTS, _SSH_PORT = "49152-49215", "22"
_POWER_OFF = "(sleep 0.2; sync; poweroff -f) </dev/null >/dev/null 2>&1 &"
"""Its init serves no `poweroff`; and whoever asked by SSH has gone before the network has."""


def nothing() -> None:
    """There is nothing to take back, or the daemon's next run does it."""


def do(one: Trial, text: str) -> Undo:
    """One deed, as `named.toml` writes it: `cut away`."""
    verb, _, place = text.partition(" ")
    hosts = {"home": one.home, "away": one.away, "third": one.third, "": ""}
    return DEEDS[verb](one, hosts[place])


def _cut(one: Trial, host: str) -> Undo:
    faults.cut(one.lab.ledger, host)
    return partial(faults.heal, one.lab.ledger, host)


def _cut_from_daemon(one: Trial, host: str) -> Undo:
    faults.cut_towards(one.lab.ledger, host, OPERATOR)
    return partial(faults.heal, one.lab.ledger, host)


def _cut_ports(one: Trial, host: str, *, ports: str, reset: bool = False) -> Undo:
    faults.cut_port(one.lab.ledger, host, ports, reset=reset)
    return partial(faults.heal, one.lab.ledger, host)


def _freeze(one: Trial, host: str) -> Undo:
    faults.freeze(one.lab.ledger, host)
    return partial(faults.widen, one.lab.ledger, host)


def _kill_libvirtd(one: Trial, host: str) -> Undo:
    fault_processes.stop_daemon(one.lab.ledger, host)
    return partial(fault_processes.start_daemon, one.lab.ledger, host)


def _stall_libvirtd(one: Trial, host: str) -> Undo:
    fault_processes.stall_daemon(one.lab.ledger, host)
    return partial(fault_processes.wake, one.lab.ledger, host)


def _kill_qemu(one: Trial, host: str) -> Undo:
    fault_processes.kill_qemu(one.lab.ledger, host, one.vm)
    return nothing


def _stall_qemu(one: Trial, host: str) -> Undo:
    fault_processes.stall_qemu(one.lab.ledger, host, one.vm)
    return partial(fault_processes.wake, one.lab.ledger, host)


def _change_key(one: Trial, host: str) -> Undo:
    fault_places.change_key(one.lab.ledger, host)
    return partial(fault_places.restore_key, one.lab.ledger, host)


def _fill_pool(one: Trial, host: str) -> Undo:
    one.lab.fill(one.vm, 24)
    fault_places.fill(one.lab.ledger, host, left_mib=_LEFT_MIB)
    return partial(fault_places.empty, one.lab.ledger, host)


def _stop_pool(one: Trial, host: str) -> Undo:
    one.lab.virsh(host, "pool-destroy", POOL)
    return partial(one.lab.virsh, host, "pool-start", POOL)


def _take_volume_name(one: Trial, host: str) -> Undo:
    theirs = one.lab.disk(one.vm, host)
    theirs.write_bytes(b"precious")
    return partial(_give_back, one, host)


def _give_back(one: Trial, host: str) -> None:
    theirs = one.lab.disk(one.vm, host)
    assert theirs.read_bytes() == b"precious"
    theirs.unlink()


def _take_vm_name(one: Trial, host: str) -> Undo:
    definition = one.daemon.state.parent / "theirs.xml"
    definition.write_text(
        f"<domain type='qemu'><name>{one.vm}</name><memory>4096</memory><os><type>hvm</type></os></domain>"
    )
    one.lab.virsh(host, "define", str(definition))
    return partial(one.lab.virsh, host, "undefine", one.vm)


def _kill_daemon(one: Trial, _host: str) -> Undo:
    one.daemon.kill()
    return nothing


def _stop_daemon(one: Trial, _host: str) -> Undo:
    one.daemon.stop()
    return nothing


def _state_read_only(one: Trial, _host: str) -> Undo:
    fault_state.read_only(one.lab.ledger, one.daemon.state)
    return partial(fault_state.clear, one.lab.ledger)


def _state_full(one: Trial, _host: str) -> Undo:
    fault_state.full(one.lab.ledger, one.daemon.state)
    return partial(fault_state.clear, one.lab.ledger)


def _break_state_repository(one: Trial, _host: str) -> Undo:
    fault_state.break_repository(one.lab.ledger, one.daemon.state)
    return partial(fault_state.clear, one.lab.ledger)


def _break_specs_repository(one: Trial, _host: str) -> Undo:
    fault_state.break_repository(one.lab.ledger, one.daemon.specs.folder)
    return partial(fault_state.clear, one.lab.ledger)


def _break_another_spec(one: Trial, _host: str) -> Undo:
    one.daemon.specs.write("vms/other.toml", "name = [\n")
    return nothing  # it is committed with the move, and holds up nothing


def _want_home(one: Trial, _host: str) -> Undo:
    one.daemon.specs.place(one.vm, one.home)
    return nothing


def _remove_spec(one: Trial, _host: str) -> Undo:
    file, specs = f"vms/{one.vm}.toml", one.daemon.specs
    text = specs.read(file)
    (specs.folder / file).unlink()
    specs.commit("Remove the VM")
    return partial(_restore_spec, one, file, text)


def _restore_spec(one: Trial, file: str, text: str) -> None:
    one.daemon.specs.write(file, text)
    one.daemon.specs.commit("Bring the VM back")


def _abort_job(one: Trial, host: str) -> Undo:
    one.lab.virsh(host, "domjobabort", one.vm)
    return nothing


def _abort_mirror(one: Trial, host: str) -> Undo:
    one.lab.virsh(host, "blockjob", one.vm, "vda", "--abort")
    return nothing


def _power_off_guest(one: Trial, _host: str) -> Undo:
    done = one.lab.exec(["ssh", f"root@{one.lab.address(one.vm)}", _POWER_OFF])
    assert done.returncode == 0, done.stderr
    return nothing


DEEDS: Mapping[str, Deed] = {
    "cut": _cut,
    "cut-from-daemon": _cut_from_daemon,
    "drop-data": partial(_cut_ports, ports=_DATA_PORTS),
    "reset-data": partial(_cut_ports, ports=_DATA_PORTS, reset=True),
    "drop-control": partial(_cut_ports, ports=_SSH_PORT),
    "freeze": _freeze,
    "kill-libvirtd": _kill_libvirtd,
    "stall-libvirtd": _stall_libvirtd,
    "kill-qemu": _kill_qemu,
    "stall-qemu": _stall_qemu,
    "change-key": _change_key,
    "fill-pool": _fill_pool,
    "stop-pool": _stop_pool,
    "take-volume-name": _take_volume_name,
    "take-vm-name": _take_vm_name,
    "kill-daemon": _kill_daemon,
    "stop-daemon": _stop_daemon,
    "state-read-only": _state_read_only,
    "state-full": _state_full,
    "break-state-repository": _break_state_repository,
    "break-specs-repository": _break_specs_repository,
    "break-another-spec": _break_another_spec,
    "want-home": _want_home,
    "remove-spec": _remove_spec,
    "abort-job": _abort_job,
    "abort-mirror": _abort_mirror,
    "power-off-guest": _power_off_guest,
    "take-first-port": others.take_first_port,
    "take-ports": others.take_ports,
    "migrate-by-hand": others.migrate_by_hand,
    "migrate-by-hand-in-vain": others.migrate_by_hand_in_vain,
    "write-much": others.write_much,
    "shrink-pool": others.shrink_pool,
    "fill-up-pool": others.fill_up_pool,
    "fail-writes": others.fail_writes,
    "use-several-connections": others.use_several_connections,
}
