"""`ferryman lab block …`."""

from __future__ import annotations

from pathlib import Path

import click

from ferryman.lab import block_devices, ledger
from ferryman.lab.layout import BLOCK_POOL
from ferryman.lab.options import folder_option
from ferryman.lab.shell import LabError

_on_option = click.option("--on", "host", required=True, help="The host that has it.")


@click.group("block")
def block() -> None:
    """Block devices of the hosts, which stand for logical volumes: where a moved disk can go."""


@block.command("add")
@folder_option
@click.argument("name")
@_on_option
@click.option("--mib", type=click.IntRange(min=1), required=True, help="Its size.")
def add(folder: Path, name: str, host: str, mib: int) -> None:
    """Give a host an empty block device."""
    block_devices.add(ledger.load(folder), host, name, mib)
    click.echo(f"{host} has {block_devices.path_of(name)}, {mib} MiB: volume {name} of its pool {BLOCK_POOL}")


@block.command("remove")
@folder_option
@click.argument("name")
@_on_option
def remove(folder: Path, name: str, host: str) -> None:
    """Take a block device away, with what is on it."""
    if not block_devices.remove(ledger.load(folder), host, name):
        raise LabError(f"{host} has no block device {name}")
    click.echo(f"{name} is gone from {host}")
