"""The commands as a whole: each is imported when it is asked for."""

from __future__ import annotations

import subprocess
import sys

import click
from written_state import ferryman

from ferryman.cli import main


def test_every_command_is_found_by_its_name() -> None:
    context = click.Context(main)
    names = main.list_commands(context)
    assert {"run", "history", "report", "lab"} <= set(names)
    assert [command.name for name in names if (command := main.get_command(context, name))] == names


def test_the_help_text_names_them_all() -> None:
    said = ferryman("--help").output
    assert all(f"\n  {name} " in said for name in main.list_commands(click.Context(main)))


def test_what_reads_the_state_folder_does_not_wait_for_libvirt_and_ssh() -> None:
    program = (
        "import sys, click; from ferryman.cli import main; context = click.Context(main)\n"
        "for name in ('history', 'status', 'report'): main.get_command(context, name)\n"
        "print([name for name in ('libvirt', 'paramiko', 'jinja2') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
