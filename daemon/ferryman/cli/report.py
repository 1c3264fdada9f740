"""`ferryman report`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from ferryman.cli.options import nothing_to_collect, state_option
from ferryman.cli.query_options import query_of, query_options
from ferryman.records import atomic_files
from ferryman.records.audit import trail
from ferryman.records.audit import whole as audit
from ferryman.records.audit.as_json import cores
from ferryman.records.audit.head import RecordHead
from ferryman.records.audit.query import Query
from ferryman.records.audit.record import MigrationRecord
from ferryman.records.audit.samples import read_samples
from ferryman.records.errors import RecordError, StateUnwritableError
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
@query_options
@click.option("--migration", metavar="ID", help="Only this one move, as `ferryman history --json` names it.")
def report(state: Path, out: Path, migration: str | None, **wished: Any) -> None:
    """Write one HTML file with every downtime, promise and prediction as plots and tables.

    The file loads nothing from anywhere: send it, archive it, open it off-line. The options choose moves as those of
    `ferryman history` do.
    """
    if not state.is_dir():
        raise click.ClickException(f"{state} is no state folder\n  remedy: name the daemon's: --state DIR")
    query = query_of(wished)
    damaged: list[RecordError] = []
    with nothing_to_collect():
        records: list[RecordHead]
        if migration is None:
            records = list(trail.heads(state, query, on_damaged=damaged.append, processes=cores()))
        else:
            records = [_one(state, migration)]
        built = _built(state, records, selection=_selection(query, migration), damaged=len(damaged))
        page = _page(built)
    try:
        atomic_files.write_out(out, page.encode())
    except StateUnwritableError as error:
        raise click.ClickException(f"{error.reason}\n  remedy: {error.remedy}") from error
    click.echo(f"{out}: {len(records):,} moves")


def _one(state: Path, migration: str) -> MigrationRecord:
    try:
        record = audit.record(state, migration)
    except RecordError as error:
        raise click.ClickException(f"{error.reason}\n  remedy: {error.remedy}") from error
    if record is None:
        raise click.ClickException(f"no record is named {migration}\n  remedy: see their ids: ferryman history --json")
    return record


def _built(state: Path, records: Sequence[RecordHead], *, selection: str, damaged: int) -> Report:
    whole = (_one(state, record.id) for record in in_full(records))
    close_ups = [close_up(record, read_samples(state, record.id)) for record in whole]
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


def _selection(query: Query, migration: str | None) -> str:
    """What was asked for, in words; empty: everything."""
    if migration is not None:
        return f"the move {migration}"
    methods = ", ".join(sorted(query.methods))
    parts = (
        f"of {', '.join(sorted(query.vms))}" if query.vms else "",
        f"from or to {', '.join(sorted(query.hosts))}" if query.hosts else "",
        f"by {methods}" if methods else "",
        f"that ended {', '.join(sorted(query.outcomes))}" if query.outcomes else "",
        f"with promises {', '.join(sorted(query.verdicts))}" if query.verdicts else "",
        f"since {query.since:%Y-%m-%d %H:%M:%S} UTC" if query.since else "",
        f"before {query.until:%Y-%m-%d %H:%M:%S} UTC" if query.until else "",
    )
    said = " ".join(part for part in parts if part)
    return f"moves {said}" if said else ""
