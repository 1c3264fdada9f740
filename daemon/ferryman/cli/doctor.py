"""`ferryman doctor`."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from ferryman.cli.options import EXIT_TROUBLE, json_option, pass_connect, print_json, specs_option
from ferryman.cli.refusing import refusal
from ferryman.fleet.examining import examine_hosts
from ferryman.fleet.hypervisor import Connect
from ferryman.planning.doctor import Check, Status, checks, is_sound
from ferryman.reconciler.wanting import Wanted
from ferryman.specs.host_spec import HostSpec
from ferryman.specs.opening import open_source
from ferryman.specs.source import SourceError

_MARKS = {Status.OK: "ok", Status.UNKNOWN: "?", Status.WARNING: "warning", Status.BLOCKER: "BLOCKER"}


@click.command()
@specs_option
@json_option
@pass_connect
def doctor(connect: Connect, specs: Path, as_json: bool) -> None:
    """Check every host, and the ways between them, before the first move; nothing is touched.

    SSH and its keys, libvirtd (from here, and from each host to each other one), migration ports, clocks, bridges,
    pools, versions, processors, memory. Each finding comes with the command that mends it. Exit 0: no blocker; 1:
    at least one.
    """
    hosts = _hosts(specs)
    progress = Console(stderr=True, highlight=False, markup=False)
    asked: list[str] = []

    def tell(host: str) -> None:
        asked.append(host)
        progress.print(f"{host} has been asked ({len(asked)} of {len(hosts)})")

    progress.print(f"asking {', '.join(sorted(hosts))}; a few seconds")
    checked = checks(examine_hosts(hosts, connect, tell))
    if as_json:
        print_json({"sound": is_sound(checked), "checks": list(checked)})
    else:
        _print(checked)
    sys.exit(0 if is_sound(checked) else EXIT_TROUBLE)


def _hosts(specs: Path) -> Mapping[str, HostSpec]:
    """The hosts of the specs; what else is wrong with them is `validate`'s to say."""
    try:
        wanted = Wanted(source=open_source(specs))
        wanted.refresh()
    except SourceError as error:
        raise refusal(error.reason, error.remedy) from error
    if wanted.specs is None or not wanted.specs.hosts:
        raise refusal(f"{specs}: no host can be read from it", f"see what is wrong: ferryman validate {specs}")
    return wanted.specs.hosts


def _print(checked: tuple[Check, ...]) -> None:
    console = Console(width=None if sys.stdout.isatty() else 160, markup=False, highlight=False)
    table = Table("host", "check", "", "found", box=None, header_style="bold")
    for check in checked:
        table.add_row(check.host, check.subject.value, _MARKS[check.status], check.says)
    console.print(table)
    to_mend = [check for check in checked if check.remedy]
    for check in to_mend:
        # Not wrapped: a command is to be copied.
        click.echo(f"\n{_MARKS[check.status]}: {check.host}: {check.says}\n    remedy: {check.remedy}")
    counts = Counter(check.status for check in checked)
    click.echo(
        f"\n{len(checked)} checks: {counts[Status.BLOCKER]} blockers, {counts[Status.WARNING]} warnings, "
        f"{counts[Status.UNKNOWN]} not checked"
    )
