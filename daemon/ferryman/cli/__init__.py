"""Commands: arguments in, text or JSON out, an exit code that a script can go by."""

from __future__ import annotations

import click

from ferryman import __version__
from ferryman.cli.doctor import doctor
from ferryman.cli.gc import gc
from ferryman.cli.history import history
from ferryman.cli.plan import plan
from ferryman.cli.recover import recover
from ferryman.cli.report import report
from ferryman.cli.run import run
from ferryman.cli.specs import schema, validate
from ferryman.cli.status import status
from ferryman.lab.commands import lab


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
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
              ferryman recover    what to do about a move that was interrupted or held
              ferryman report     the same as plots and tables, in one HTML file
              ferryman gc         reclaim the disks that VMs left where they were before
              ferryman lab        rehearse all of it on this machine
    """


for command in (doctor, run, plan, status, history, report, recover, gc, validate, schema, lab):
    main.add_command(command)
