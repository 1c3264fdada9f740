"""`ferryman history`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC
from itertools import islice
from pathlib import Path
from typing import Any

import click

from ferryman.cli.columns import columns
from ferryman.cli.options import json_option, nothing_to_collect, print_json, state_option
from ferryman.cli.query_options import query_of, query_options
from ferryman.cli.words import downtime
from ferryman.records.audit import trail
from ferryman.records.audit.as_json import cores
from ferryman.records.audit.head import RecordHead
from ferryman.records.errors import RecordError

_COLUMNS = ("began (UTC)", "VM", "from -> to", "method", "outcome", "took", "downtime", "cause", "commit")


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
    query = query_of(wished)
    with nothing_to_collect():
        if as_json:
            _print_json(islice(trail.texts(state, query, on_damaged=_damaged, processes=cores()), limit))
        else:
            _print(list(islice(trail.heads(state, query, on_damaged=_damaged, processes=cores()), limit)))


def _show_one(state: Path, record_id: str, *, as_json: bool) -> None:
    # Only here: whole records know words of every room, whose import a list need not wait for.
    from ferryman.cli import one_record
    from ferryman.records.audit import whole as audit

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


def _print_json(texts: Iterable[bytes]) -> None:
    """A list of objects, one a line, put together: to make thousands of values and write them anew takes seconds."""
    lines = b",\n".join(texts)
    click.echo(b"[\n" + lines + b"\n]" if lines else b"[]")


def _damaged(error: RecordError) -> None:
    click.echo(f"! {error.reason}\n    remedy: {error.remedy}", err=True)


def _print(records: Sequence[RecordHead]) -> None:
    if not records:
        click.echo("No moves are recorded.")
        return
    told = [*columns(_COLUMNS, [_row(record) for record in records])]
    for record in records:
        if record.reason:
            told += [f"{record.id}: {record.reason}", f"    remedy: {record.remedy}"]
    click.echo("\n".join(told))


def _row(record: RecordHead) -> tuple[str, ...]:
    return (
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


def _verdict(record: RecordHead) -> str:
    if record.max_downtime_ms is None:
        return ""
    return f"; promise {record.max_downtime_ms} ms: {record.verdict}"


def _error(record: RecordHead) -> str:
    """How far the prediction was off: measured less predicted."""
    return "" if record.prediction_error_ms is None else f"; {record.prediction_error_ms:+.0f} ms off its prediction"
