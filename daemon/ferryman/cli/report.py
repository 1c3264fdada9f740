"""`ferryman report`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from ferryman.cli.options import state_option
from ferryman.records import atomic_files, audit
from ferryman.records.errors import RecordError, StateUnwritableError
from ferryman.records.samples import read_samples
from ferryman.records.values import MigrationRecord
from ferryman.report.building import report_of
from ferryman.report.close_up import close_up
from ferryman.report.model import Report
from ferryman.report.selecting import in_full


@click.command()
@state_option
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("report.html"),
    show_default=True,
    help="The file to write; what is there is replaced.",
)
@click.option("--vm", "vms", multiple=True, help="Only this VM's moves; several times for several VMs.")
@click.option("--since", type=click.DateTime(), help="Only moves that began at or after this time (UTC).")
@click.option("--migration", metavar="ID", help="Only this one move, as `ferryman history --json` names it.")
def report(state: Path, out: Path, vms: tuple[str, ...], since: datetime | None, migration: str | None) -> None:
    """Write one HTML file with every downtime, promise and prediction as plots and tables.

    The file loads nothing from anywhere: send it, archive it, open it off-line.
    """
    if not state.is_dir():
        raise click.ClickException(f"{state} is no state folder\n  remedy: name the daemon's: --state DIR")
    begun = since.replace(tzinfo=UTC) if since else None
    damaged: list[RecordError] = []
    records = [
        record
        for record in audit.records(state, since=begun, on_damaged=damaged.append)
        if (not vms or record.vm in vms) and (migration is None or record.id == migration)
    ]
    if migration is not None and not records:
        raise click.ClickException(f"no record is named {migration}\n  remedy: see their ids: ferryman history --json")
    built = _built(state, records, selection=_selection(vms, begun, migration), damaged=len(damaged))
    page = _page(built)
    try:
        atomic_files.replace(out, page.encode(), durable=False)
    except StateUnwritableError as error:
        raise click.ClickException(f"{error.reason}\n  remedy: {error.remedy}") from error
    click.echo(f"{out}: {len(records):,} moves")


def _built(state: Path, records: Sequence[MigrationRecord], *, selection: str, damaged: int) -> Report:
    close_ups = [close_up(record, read_samples(state, record.id)) for record in in_full(records)]
    return report_of(records, close_ups, made_at=datetime.now(UTC), selection=selection, damaged=damaged)


def _page(built: Report) -> str:
    """The report as HTML; a ClickException where what makes it is not installed."""
    try:
        # Only here: no other command needs the extra, or should wait for its libraries.
        from ferryman.report.page.rendering import render

        return render(built)
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f"the report's libraries are not installed ({error.name} is missing)\n"
            f"  remedy: {sys.executable} -m pip install jinja2 plotly"
        ) from error


def _selection(vms: Sequence[str], begun: datetime | None, migration: str | None) -> str:
    """What was asked for, in words."""
    if migration is not None:
        return f"the move {migration}"
    since = f"moves since {begun:%Y-%m-%d %H:%M:%S} UTC" if begun else ""
    return " ".join(part for part in (since or ("moves" if vms else ""), f"of {', '.join(vms)}" if vms else "") if part)
