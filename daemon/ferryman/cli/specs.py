"""`ferryman validate` and `ferryman schema`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from ferryman.cli.options import EXIT_TROUBLE, json_option, print_json
from ferryman.specs.schema import SpecKind
from ferryman.specs.schema import schema as schema_of
from ferryman.specs.validation import validate as validate_folder


@click.command()
@click.argument(
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("specs"),
    metavar="[DIR]",
    envvar="FERRYMAN_SPECS",
)
@json_option
def validate(folder: Path, as_json: bool) -> None:
    """Check a folder of specs as it is on the disk, before it is committed.

    Shows every problem at once: file, line, key, what is wrong and what mends it. Exit 0: good; 1: problems.
    """
    report = validate_folder(folder)
    if as_json:
        print_json(report)
    else:
        for problem in report.problems:
            key = f" {problem.key}:" if problem.key else ""
            click.echo(f"{problem.place}:{key} {problem.message}\n    remedy: {problem.remedy}")
        for warning in report.warnings:
            key = f" {warning.key}:" if warning.key else ""
            click.echo(f"{warning.place}:{key} warning: {warning.message}\n    remedy: {warning.remedy}")
        counts = report.counts
        found = f"{counts['hosts']} hosts, {counts['vms']} VMs"
        click.echo(f"{found}: {len(report.problems)} problem(s)" if report.problems else f"{found}: good")
    sys.exit(EXIT_TROUBLE if report.problems else 0)


@click.command()
@click.argument("kind", type=click.Choice([kind.value for kind in SpecKind]))
def schema(kind: str) -> None:
    """Print the JSON Schema of a kind of spec, for editors.

    \b
    ferryman schema vm > vm.schema.json
    Then, as the first line of a spec:  #:schema ../vm.schema.json
    """
    click.echo(json.dumps(schema_of(kind), indent=2))
