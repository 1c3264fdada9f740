"""`ferryman lab fault …`."""

from __future__ import annotations

from pathlib import Path

import click

from ferryman.lab import fault_places, fault_processes, fault_state, faults, ledger
from ferryman.lab.options import folder_option

_state = click.argument("state", type=click.Path(path_type=Path, resolve_path=True))


@click.group("fault")
def fault() -> None:
    """Make something go wrong, and right again.

    Each fault stays until it is undone: `clear` undoes all of them.

    A try:  fault narrow skopje --mbit 40, commit a move to skopje, and
    fault kill-at STATE guest-01 transferring. Start the daemon again and see
    what it makes of it: ferryman status, ferryman history.

    There is no fault for clocks: the kernel has one for all namespaces. To
    give a daemon another one, start it with faketime (package faketime):
    ferryman lab exec -- faketime -f +1h ferryman run …
    """


@fault.command("clear")
@folder_option
def clear(folder: Path) -> None:
    """Undo every fault of this lab. Killed processes but libvirtd stay dead."""
    lab = ledger.load(folder)
    for host in (one.name for one in lab.layout.hosts):
        faults.heal(lab, host)
        faults.widen(lab, host)
        fault_processes.wake(lab, host)
        fault_processes.start_daemon(lab, host)
        if fault_places.restore_key(lab, host):
            click.echo(f"{host} has its own SSH key again")
        if fault_places.empty(lab, host):
            click.echo(f"the pool of {host} has room again")
    for undone in fault_state.clear(lab):
        click.echo(undone)
    click.echo("links are whole, libvirtds run, nothing is stalled")


@fault.command("narrow")
@folder_option
@click.argument("host")
@click.option("--mbit", type=click.IntRange(min=1), required=True, help="Megabits per second, each way.")
def narrow(folder: Path, host: str, mbit: int) -> None:
    """Slow a host's link down: moves take as long as you like to watch."""
    faults.narrow(ledger.load(folder), host, mbit)


@fault.command("freeze")
@folder_option
@click.argument("host")
def freeze(folder: Path, host: str) -> None:
    """Let a host's link stand still: nothing passes, nothing is lost."""
    faults.freeze(ledger.load(folder), host)


@fault.command("widen")
@folder_option
@click.argument("host")
def widen(folder: Path, host: str) -> None:
    """Undo narrow and freeze."""
    faults.widen(ledger.load(folder), host)


@fault.command("cut")
@folder_option
@click.argument("host")
@click.option("--towards", metavar="HOST", help="Only what it sends there; `operator` is where daemons run.")
def cut(folder: Path, host: str, towards: str | None) -> None:
    """Pull a host's cable, or drop what it sends to one other."""
    lab = ledger.load(folder)
    if towards is None:
        faults.cut(lab, host)
    else:
        faults.cut_towards(lab, host, towards)


@fault.command("cut-port")
@folder_option
@click.argument("host")
@click.argument("ports")
@click.option("--reset", is_flag=True, help="Answer with a reset, rather than dropping in silence.")
def cut_port(folder: Path, host: str, ports: str, *, reset: bool) -> None:
    """Stop TCP on a host's ports: one, or a range.

    22 is libvirt over SSH, 49152-49215 is where memory and disks arrive.
    """
    faults.cut_port(ledger.load(folder), host, ports, reset=reset)


@fault.command("bar-peers")
@folder_option
@click.argument("host")
def bar_peers(folder: Path, host: str) -> None:
    """Let no other host's libvirtd log in at this one's.

    The daemon still does, and the ports for memory and disks are open: live
    moves that come here are driven by the daemon.
    """
    faults.bar_peers(ledger.load(folder), host)


@fault.command("heal")
@folder_option
@click.argument("host")
def heal(folder: Path, host: str) -> None:
    """Undo cut, cut-port and bar-peers."""
    faults.heal(ledger.load(folder), host)


@fault.command("stop-daemon")
@folder_option
@click.argument("host")
def stop_daemon(folder: Path, host: str) -> None:
    """Kill a host's libvirtd; its guests run on."""
    fault_processes.stop_daemon(ledger.load(folder), host)


@fault.command("start-daemon")
@folder_option
@click.argument("host")
def start_daemon(folder: Path, host: str) -> None:
    """Undo stop-daemon."""
    fault_processes.start_daemon(ledger.load(folder), host)


@fault.command("kill-qemu")
@folder_option
@click.argument("host")
@click.argument("vm")
def kill_qemu(folder: Path, host: str, vm: str) -> None:
    """Kill a VM's QEMU on a host, at either end of a move."""
    fault_processes.kill_qemu(ledger.load(folder), host, vm)


@fault.command("stall")
@folder_option
@click.argument("host")
@click.argument("vm", required=False)
def stall(folder: Path, host: str, vm: str | None) -> None:
    """Stop a VM's QEMU, or else the host's libvirtd, with SIGSTOP: there, and answering nobody."""
    lab = ledger.load(folder)
    if vm is None:
        fault_processes.stall_daemon(lab, host)
    else:
        fault_processes.stall_qemu(lab, host, vm)


@fault.command("wake")
@folder_option
@click.argument("host")
def wake(folder: Path, host: str) -> None:
    """Undo stall, of everything on a host."""
    fault_processes.wake(ledger.load(folder), host)


@fault.command("fill")
@folder_option
@click.argument("host")
@click.option("--left-mib", type=click.IntRange(min=1), default=1, show_default=True, help="Room that is left.")
def fill(folder: Path, host: str, left_mib: int) -> None:
    """Fill the file system of a host's pool, one without disks in it: a move there finds no room, or midway."""
    fault_places.fill(ledger.load(folder), host, left_mib)


@fault.command("change-key")
@folder_option
@click.argument("host")
def change_key(folder: Path, host: str) -> None:
    """Give a host another SSH host key, as an impostor has; who was connected is not any more."""
    fault_places.change_key(ledger.load(folder), host)


@fault.command("state-read-only")
@folder_option
@_state
def state_read_only(folder: Path, state: Path) -> None:
    """Make a state folder read-only, for daemons beside the lab's hosts."""
    fault_state.read_only(ledger.load(folder), state)


@fault.command("state-full")
@folder_option
@_state
def state_full(folder: Path, state: Path) -> None:
    """Let the daemon of a state folder write no more bytes, as on a full disk."""
    fault_state.full(ledger.load(folder), state)


@fault.command("break-repository")
@folder_option
@click.argument("repository", type=click.Path(path_type=Path, resolve_path=True))
def break_repository(folder: Path, repository: Path) -> None:
    """Let git find nothing in the folder of the specs."""
    fault_state.break_repository(ledger.load(folder), repository)


@fault.command("kill-at")
@_state
@click.argument("vm")
@click.argument("step", type=click.Choice(fault_state.STEPS))
@click.option("--within-s", type=click.FloatRange(min=0), default=300.0, show_default=True)
def kill_at(state: Path, vm: str, step: str, within_s: float) -> None:
    """Kill the daemon of a state folder when a VM's move comes to a step.

    It waits for the move. The journal tells the step just before its effect:
    preparing (volumes), transferring (the move itself), switching (post-copy),
    activating (cold: define there), starting (cold: start there), finishing (undefine here).
    """
    fault_state.wait_for_step(state, vm, step, within_s)
    fault_state.kill(state)
    click.echo(f"killed the daemon of {state} at {step} of {vm}")
