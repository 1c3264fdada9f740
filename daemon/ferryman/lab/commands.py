"""`ferryman lab …`: rehearse a fleet on one machine."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from ferryman.lab import demo, ledger, shell, status
from ferryman.lab import lab as labs
from ferryman.lab.allowed import DEFAULT_HOSTS, DEFAULT_SUBNET, LayoutError
from ferryman.lab.block_commands import block
from ferryman.lab.fault_commands import fault
from ferryman.lab.guest_commands import guest
from ferryman.lab.layout import plan_layout
from ferryman.lab.options import cache_option, folder_option
from ferryman.lab.shell import LabError


class _LabGroup(click.Group):
    """Shows the lab's own errors as one line, with exit code 1."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except (LabError, LayoutError) as error:
            raise click.ClickException(str(error)) from error


@click.group("lab", cls=_LabGroup)
def lab() -> None:
    """Rehearse a fleet: real libvirt hosts and guests on this one machine, as root.

    The hosts live in namespaces of their own; nothing of them reaches this machine's network.
    """


lab.add_command(block)
lab.add_command(guest)
lab.add_command(fault)


@lab.command("up")
@folder_option
@click.option(
    "--host", "hosts", multiple=True, default=DEFAULT_HOSTS, show_default=True, help="Repeat it: two or more."
)
@click.option("--subnet", default=DEFAULT_SUBNET, show_default=True, help="The lab's own; a /24 or larger.")
@click.option("--storage", is_flag=True, help="With a storage host: NFS and iSCSI, for guests with shared disks.")
@click.option(
    "--tls", is_flag=True, help="With certificates for the hosts: moves are encrypted, which here takes some 0.5 s."
)
@click.option("--no-tls", multiple=True, metavar="HOST", help="With --tls: none on this host. Repeat it.")
@cache_option
def up(
    folder: Path,
    hosts: tuple[str, ...],
    subnet: str,
    cache: Path,
    no_tls: tuple[str, ...],
    *,
    storage: bool,
    tls: bool,
) -> None:
    """Bring a lab up: its hosts, and the namespace from which they are reached."""
    layout = plan_layout(folder, hosts, subnet)
    was_there = ledger.exists(folder)
    try:
        labs.up(layout, cache, click.echo, storage=storage, no_tls=no_tls if tls else hosts)
    finally:
        # Also when interrupted: what there is stays, so that its logs can be read.
        if not was_there and ledger.exists(folder) and not ledger.load(folder).complete:
            click.echo(f"The lab is half built; remove it with: ferryman lab down --folder {folder}", err=True)
    _echo_commands(status.next_commands(folder, hosts[0]))


@lab.command("demo")
@cache_option
def show(cache: Path) -> None:
    """Show everything in a lab of its own: a move, an evacuation, the way home, the audit trail.

    Exit 0 only where each VM was seen where it should be, only there, and answering, its data intact.
    """
    demo.demonstrate(cache)


@lab.command("down")
@folder_option
def down(folder: Path) -> None:
    """Remove a lab: every process, namespace, interface and file of it."""
    labs.down(folder, click.echo)


@lab.command("status")
@folder_option
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def show_status(folder: Path, *, as_json: bool) -> None:
    """Show hosts, guests and what can be done next; exit code 1 where something is down."""
    seen = status.look(ledger.load(folder))
    if as_json:
        click.echo(json.dumps(seen.to_json(), indent=2))
    else:
        _echo_status(seen)
    if not seen.sound:
        sys.exit(1)


@lab.command("exec", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@folder_option
@click.option("--on", "host", help="Run it on this host, rather than beside the hosts.")
@click.argument("argv", nargs=-1, required=True, type=click.UNPROCESSED)
def execute(folder: Path, host: str | None, argv: tuple[str, ...]) -> None:
    """Run a command where the lab's hosts can be reached, in the current folder."""
    held = ledger.load(folder)
    namespace = held.namespace(host) if host else held.operator
    namespace.require_alive()
    shell.become(namespace.enter(argv, folder=Path.cwd()))


def _echo_status(seen: status.LabStatus) -> None:
    click.echo(f"lab      {seen.folder}" + ("" if seen.complete else "  (half built: remove it with `down`)"))
    click.echo(f"operator {seen.operator_address}  process {seen.operator_pid or 'gone'}")
    for host in seen.hosts:
        answers = "" if host.name not in seen.silent_hosts else "  libvirtd does not answer"
        click.echo(f"host     {host.name}  {host.address}  process {host.pid or 'gone'}  {host.uri}{answers}")
    if seen.storage is not None:
        silent = ", ".join(seen.storage.silent_daemons)
        answers = f"  {silent}: no answer" if silent else ""
        click.echo(f"storage  {seen.storage.address}  process {seen.storage.pid or 'gone'}{answers}")
    for found in seen.guests:
        click.echo(f"guest    {found.name}  {found.address or '-'}  {found.state}  {found.host or '-'}")
    _echo_commands(seen.next_commands)


def _echo_commands(commands: dict[str, str]) -> None:
    click.echo()
    for purpose, command in commands.items():
        click.echo(f"  {purpose + ':':35}{command}")
