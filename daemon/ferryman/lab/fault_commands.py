"""`ferryman lab fault …`."""

from __future__ import annotations

from pathlib import Path

import click

from ferryman.lab import faults, ledger
from ferryman.lab.options import folder_option


@click.group("fault")
def fault() -> None:
    """Make something go wrong, and right again."""


@fault.command("narrow")
@folder_option
@click.argument("host")
@click.option("--mbit", type=click.IntRange(min=1), required=True, help="Megabits per second, each way.")
def narrow(folder: Path, host: str, mbit: int) -> None:
    """Slow a host's link down."""
    faults.narrow(ledger.load(folder), host, mbit)


@fault.command("widen")
@folder_option
@click.argument("host")
def widen(folder: Path, host: str) -> None:
    """Give a host's link its full speed again."""
    faults.widen(ledger.load(folder), host)


@fault.command("cut")
@folder_option
@click.argument("host")
def cut(folder: Path, host: str) -> None:
    """Pull a host's cable."""
    faults.cut(ledger.load(folder), host)


@fault.command("cut-port")
@folder_option
@click.argument("host")
@click.argument("ports")
@click.option("--reset", is_flag=True, help="Answer with a reset, rather than dropping in silence.")
def cut_port(folder: Path, host: str, ports: str, *, reset: bool) -> None:
    """Stop TCP on a host's ports: one, or a range like 49152-49215."""
    faults.cut_port(ledger.load(folder), host, ports, reset=reset)


@fault.command("heal")
@folder_option
@click.argument("host")
def heal(folder: Path, host: str) -> None:
    """Undo cut and cut-port."""
    faults.heal(ledger.load(folder), host)


@fault.command("stop-daemon")
@folder_option
@click.argument("host")
def stop_daemon(folder: Path, host: str) -> None:
    """Kill a host's libvirtd; its guests run on."""
    faults.stop_daemon(ledger.load(folder), host)


@fault.command("start-daemon")
@folder_option
@click.argument("host")
def start_daemon(folder: Path, host: str) -> None:
    """Start a host's libvirtd again."""
    faults.start_daemon(ledger.load(folder), host)


@fault.command("kill-qemu")
@folder_option
@click.argument("host")
@click.argument("vm")
def kill_qemu(folder: Path, host: str, vm: str) -> None:
    """Kill a VM's QEMU on a host."""
    faults.kill_qemu(ledger.load(folder), host, vm)
