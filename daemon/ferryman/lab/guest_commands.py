"""`ferryman lab guest …`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from ferryman.lab import guests, ledger
from ferryman.lab.guest_xml import DiskFormat, DiskHome
from ferryman.lab.options import folder_option


@click.group("guest")
def guest() -> None:
    """Guests of the lab: they answer on port 22, shut down on ACPI, and count on their disk."""


@guest.command("add")
@folder_option
@click.argument("name")
@click.option("--on", "host", required=True, help="The host it starts on.")
@click.option("--memory-mib", type=click.IntRange(min=76), default=96, show_default=True)
@click.option("--disk-mib", type=click.IntRange(min=1), default=64, show_default=True)
@click.option(
    "--disk",
    type=click.Choice([kind.value for kind in DiskHome]),
    default="copy",
    show_default=True,
    help="In its host's pool or a block device there, which a move copies; or on the storage host, where it stays.",
)
@click.option(
    "--disk-format",
    type=click.Choice([kind.value for kind in DiskFormat]),
    default="qcow2",
    show_default=True,
    help="In a pool; elsewhere every disk is raw.",
)
@click.option("--address", help="Default: the next free one of the lab's subnet.")
@click.option(
    "--filled-mib", type=click.IntRange(min=0), default=0, help="Memory that holds data, which it leaves alone."
)
@click.option("--dirty-mib", type=click.IntRange(min=0), default=0, help="Memory that it rewrites for ever.")
@click.option("--uefi", is_flag=True, help="With UEFI firmware and NVRAM (package ovmf).")
@click.option("--tpm", is_flag=True, help="With an emulated TPM (packages swtpm, swtpm-tools).")
@click.option("--off", is_flag=True, help="Define it only.")
@click.option("--no-wait", is_flag=True, help="Do not wait until it answers.")
def add(
    folder: Path,
    name: str,
    host: str,
    address: str | None,
    memory_mib: int,
    disk_mib: int,
    disk: str,
    disk_format: str,
    filled_mib: int,
    dirty_mib: int,
    *,
    uefi: bool,
    tpm: bool,
    off: bool,
    no_wait: bool,
) -> None:
    """Add a guest, boot it and wait until it answers."""
    lab = ledger.load(folder)
    planned = replace(
        guests.plan(lab, name, address),
        memory_mib=memory_mib,
        disk_mib=disk_mib,
        disk=DiskHome(disk),
        disk_format=DiskFormat(disk_format),
        filled_mib=filled_mib,
        dirty_mib=dirty_mib,
        uefi=uefi,
        tpm=tpm,
    )
    guests.add(lab, planned, host, off=off)
    if off:
        click.echo(f"{name} is defined on {host}, and off")
    elif no_wait:
        click.echo(f"{name} boots on {host}; its address is {planned.address}")
    else:
        number = guests.wait_until_ready(lab, name)
        click.echo(f"{name} answers on {host} at {planned.address}; its counter is at {number}")


@guest.command("wait")
@folder_option
@click.argument("names", nargs=-1, required=True)
def wait(folder: Path, names: tuple[str, ...]) -> None:
    """Wait until guests count and answer on port 22."""
    lab = ledger.load(folder)
    for name in names:
        click.echo(f"{name} answers; its counter is at {guests.wait_until_ready(lab, name)}")


@guest.command("counter")
@folder_option
@click.argument("name")
def counter(folder: Path, name: str) -> None:
    """Print the last number that the guest knows to be on its disk."""
    click.echo(guests.counter(ledger.load(folder), name))


@guest.command("list")
@folder_option
def show(folder: Path) -> None:
    """Show where every guest is, as the hosts say: name, host, state."""
    for sighting in guests.sightings(ledger.load(folder)):
        click.echo(f"{sighting.guest}\t{sighting.host}\t{sighting.state}")


@guest.command("remove")
@folder_option
@click.argument("name")
def remove(folder: Path, name: str) -> None:
    """Remove a guest and its disk, wherever they are."""
    guests.remove(ledger.load(folder), name)
    click.echo(f"{name} is gone")
