"""Commands: arguments in, text or JSON out, an exit code that a script can go by."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

import click

from ferryman import __version__

_MODULES: Mapping[str, str] = {
    "doctor": "ferryman.cli.doctor",
    "run": "ferryman.cli.run",
    "plan": "ferryman.cli.plan",
    "status": "ferryman.cli.status",
    "history": "ferryman.cli.history",
    "report": "ferryman.cli.report",
    "bench": "ferryman.cli.bench",
    "probe": "ferryman.cli.probe",
    "recover": "ferryman.cli.recover",
    "gc": "ferryman.cli.gc",
    "validate": "ferryman.cli.specs",
    "schema": "ferryman.cli.specs",
    "lab": "ferryman.lab.commands",
}
"""Where each command is, in the order of the help text; it has there the name that it has here."""


class _Commands(click.Group):
    """Imports a command when it is asked for: all of them with their libraries take a second."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*_MODULES, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return _imported(cmd_name) if cmd_name in _MODULES else super().get_command(ctx, cmd_name)


def _imported(name: str) -> click.Command:
    command = getattr(import_module(_MODULES[name]), name)
    if not isinstance(command, click.Command):
        raise TypeError(f"{_MODULES[name]}.{name} is no command")
    return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="ferryman")
def main() -> None:
    """Move VMs between libvirt hosts by editing a spec and committing it.

    \b
    To begin: ferryman validate   check the specs
              ferryman doctor     check the hosts, and the ways between them
              ferryman plan       see what would be done, and why
              ferryman run        do it, and keep doing it
              ferryman status     what is so now
              ferryman history    what moved when, why, and how long it was down
              ferryman probe      watch any TCP port as a VM's users would see it
              ferryman bench      what each method costs a VM: there and back, so many times
              ferryman recover    what to do about a move that was interrupted or held
              ferryman report     the same as plots and tables, in one HTML file
              ferryman gc         reclaim the disks that VMs left where they were before
              ferryman lab        rehearse all of it on this machine
    """
