"""`ferryman plan --show-xml`: the definitions that VMs will have at their destinations."""

from __future__ import annotations

from collections.abc import Mapping

import click

from ferryman.cli.refusing import refusal
from ferryman.fleet.xml.showing import Definition, difference
from ferryman.planning.plans import Plan
from ferryman.previewing import Preview

EVERY_VM = "*"


def definitions_shown(found: Preview, asked: str | None) -> Mapping[str, Definition]:
    """Those that were asked for. Raises ClickException for a VM that does not move."""
    if asked is None:
        return {}
    if asked == EVERY_VM:
        return found.definitions
    if asked not in found.definitions:
        moving = ", ".join(found.definitions) or "none"
        raise refusal(f"{asked} does not move", f"name one that does: {moving}")
    return {asked: found.definitions[asked]}


def print_differences(found: Preview, shown: Mapping[str, Definition]) -> None:
    """Each as a unified diff from the source's definition; nothing differs where all names and paths are the same."""
    for vm, one in shown.items():
        move = found.decisions[vm]
        if isinstance(move, Plan):
            text = difference(one, f"{move.source}/{vm}.xml", f"{move.destination}/{vm}.xml")
            click.echo(text.rstrip("\n") if text else f"{vm}: its definition on {move.destination} is the same")
