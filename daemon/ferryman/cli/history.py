"""`ferryman history`."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from itertools import islice
from pathlib import Path
from typing import Any

import click
from pydantic import TypeAdapter
from rich.console import Console
from rich.table import Table

from ferryman.cli import one_record
from ferryman.cli.options import json_option, print_json, state_option
from ferryman.cli.query_options import query_of, query_options
from ferryman.cli.words import downtime
from ferryman.records import audit
from ferryman.records.audit_records import MigrationRecord
from ferryman.records.errors import RecordError

_RECORDS = TypeAdapter(tuple[MigrationRecord, ...])
"""Ten times as fast as `print_json`, which has to find out what each value is: there may be thousands."""


@click.command()
@click.argument("record_id", metavar="[ID]", required=False)
@state_option
@query_options
@click.option(
    "--limit", type=click.IntRange(min=1), default=50, show_default=True, help="At most so many, newest first."
)
@json_option
def history(record_id: str | None, state: Path, limit: int, as_json: bool, **wished: Any) -> None:
    """Show what moved when, why, by which commit, and how long it was down: the audit trail.

    Each of --vm, --host, --method, --verdict and --outcome may be given several times: any of them will do.
    With the ID of one record (`--json` shows them): what happened when in it, and whose time its downtime was.
    """
    if not state.is_dir():
        raise click.ClickException(f"{state} is no state folder\n  remedy: name the daemon's: --state DIR")
    if record_id is not None:
        _show_one(state, record_id, as_json=as_json)
        return
    found = audit.records(state, query_of(wished), on_damaged=_damaged)
    with _nothing_to_collect():
        records = tuple(islice(found, limit))
    if as_json:
        click.echo(_RECORDS.dump_json(records, indent=2, exclude_none=True))
    else:
        _print(records)


@contextmanager
def _nothing_to_collect() -> Iterator[None]:
    """Thousands of values that all stay: looking for garbage among them takes a sixth of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _show_one(state: Path, record_id: str, *, as_json: bool) -> None:
    try:
        record = audit.record(state, record_id)
    except RecordError as error:
        raise click.ClickException(f"{error.reason}\n  remedy: {error.remedy}") from error
    if record is None:
        raise click.ClickException(
            f"no record {record_id} in {state}\n  remedy: ferryman history --json shows their ids"
        )
    if as_json:
        print_json(record)
        return
    for line in one_record.told(record):
        click.echo(line)


def _damaged(error: RecordError) -> None:
    click.echo(f"! {error.reason}\n    remedy: {error.remedy}", err=True)


def _print(records: tuple[MigrationRecord, ...]) -> None:
    console = Console(width=None if sys.stdout.isatty() else 200, markup=False, highlight=False)
    if not records:
        console.print("No moves are recorded.")
        return
    table = Table(
        "began (UTC)",
        "VM",
        "from -> to",
        "method",
        "outcome",
        "took",
        "downtime",
        "cause",
        "commit",
        box=None,
    )
    for record in records:
        table.add_row(
            f"{record.started_at.astimezone(UTC):%Y-%m-%d %H:%M:%S}",
            record.vm,
            f"{record.source} -> {record.destination}",
            record.method.value,
            record.outcome.value,
            f"{record.total_ms / 1000:.1f} s",
            f"{downtime(record.measurement)}{_verdict(record)}{_error(record)}",
            record.cause.kind.value,
            f"{record.cause.revision[:10]} {record.cause.subject}",
        )
    console.print(table)
    for record in records:
        if record.reason:
            console.print(f"{record.id}: {record.reason}")
            console.print(f"    remedy: {record.remedy}")


def _verdict(record: MigrationRecord) -> str:
    if record.max_downtime_ms is None:
        return ""
    return f"; promise {record.max_downtime_ms} ms: {record.verdict}"


def _error(record: MigrationRecord) -> str:
    """How far the prediction was off: measured less predicted."""
    return "" if record.prediction_error_ms is None else f"; {record.prediction_error_ms:+.0f} ms off its prediction"
