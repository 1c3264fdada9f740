"""Options that say which audit records are meant."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, TypeVar

import click

from ferryman.cli.times import time_option
from ferryman.records.audit.head import Outcome, Verdict
from ferryman.records.audit.query import Query
from ferryman.specs.choices import Method

F = TypeVar("F", bound=Callable[..., Any])


def _choice(kind: type[StrEnum], *but: StrEnum) -> click.Choice[str]:
    return click.Choice([member.value for member in kind if member not in but])


def query_options(command: F) -> F:
    """Options that say which records are meant; the command gets them as `**wished`, for `query_of`."""
    options = (
        click.option("--vm", "vms", multiple=True, metavar="VM", help="Only this VM's moves."),
        click.option("--host", "hosts", multiple=True, metavar="HOST", help="Only moves from or to this host."),
        click.option(
            "--method", "methods", multiple=True, type=_choice(Method, Method.AUTO), help="Only moves by this method."
        ),
        click.option(
            "--verdict",
            "verdicts",
            multiple=True,
            type=_choice(Verdict),
            help="Only moves with this verdict on their spec's max_downtime_ms.",
        ),
        click.option(
            "--outcome", "outcomes", multiple=True, type=_choice(Outcome), help="Only moves with this outcome."
        ),
        click.option(
            "--since",
            callback=time_option,
            metavar="TIME",
            help="Only moves begun then or later: 2026-11-23T10:15 (UTC), or 12h, 7d ago.",
        ),
        click.option("--until", callback=time_option, metavar="TIME", help="Only moves begun before then."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def query_of(wished: Mapping[str, Any]) -> Query:
    """What `query_options` were given."""
    return Query(
        vms=frozenset(wished["vms"]),
        hosts=frozenset(wished["hosts"]),
        methods=frozenset(map(Method, wished["methods"])),
        verdicts=frozenset(map(Verdict, wished["verdicts"])),
        outcomes=frozenset(map(Outcome, wished["outcomes"])),
        since=wished["since"],
        until=wished["until"],
    )
