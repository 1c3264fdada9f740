"""`ferryman gc`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from ferryman.cli.options import EXIT_TROUBLE, json_option, pass_connect, plain, print_json, specs_option, state_option
from ferryman.cli.refusing import refusal, require_state
from ferryman.fleet.hypervisor import Connect
from ferryman.previewing import fleet_view
from ferryman.reconciler.collecting import Removed, Wished, remove, survey
from ferryman.reconciler.reclaiming import Judged, Standing
from ferryman.records.audit.record import Outcome
from ferryman.records.errors import StateError, StateLockedError
from ferryman.records.store import StateStore
from ferryman.specs.source import SourceError

_MIB = 1024 * 1024
_DAY_S = 86_400


@click.command()
@specs_option
@state_option
@click.option("--delete", is_flag=True, help="Remove what is safe. Without it nothing is touched.")
@click.option("--dry-run", is_flag=True, help="Only list, which is what happens without --delete.")
@click.option("--vm", help="Only what this VM left behind.")
@click.option("--host", help="Only what was left on this host.")
@click.option(
    "--older-than",
    type=click.FloatRange(min=0),
    metavar="DAYS",
    default=0.0,
    show_default=True,
    help="Only what was left at least so many days ago.",
)
@json_option
@pass_connect
def gc(
    connect: Connect,
    specs: Path,
    state: Path,
    delete: bool,
    dry_run: bool,
    vm: str | None,
    host: str | None,
    older_than: float,
    as_json: bool,
) -> None:
    """List the disks that VMs left on hosts they moved away from; with --delete, remove them.

    Only volumes that an audit record names as left behind, or as created by a failed move that could not remove them,
    are ever removed, only where their VM was seen on another host now and no VM of the host uses them, and where both
    hosts' storage is proved to be apart. What an attempt created that was left for a person to decide is only listed.
    Each removal is recorded under removals/ in the state folder. --delete needs the state folder for itself: stop
    `ferryman run`.
    """
    if delete and dry_run:
        raise click.UsageError("--delete and --dry-run exclude each other")
    require_state(state)
    wished = Wished(vm=vm, host=host, older_than=timedelta(days=older_than))
    now = datetime.now(UTC)
    removed: tuple[Removed, ...] = ()
    with _troubles_told(), fleet_view(specs, state, connect) as view:
        if delete:
            # Locked before anything is judged: no move may begin between the look and the removal.
            with StateStore.open(state) as store:
                judged = survey(state, view, wished, now)
                removed = remove(store, view, judged, now)
        else:
            judged = survey(state, view, wished, now)
    if as_json:
        print_json({"leftovers": [plain(one) for one in judged], "removed": [plain(one) for one in removed]})
    else:
        _print(judged, removed, deleting=delete)
    sys.exit(EXIT_TROUBLE if any(one.trouble for one in removed) else 0)


@contextmanager
def _troubles_told() -> Iterator[None]:
    try:
        yield
    except StateLockedError as error:
        raise refusal(
            error.reason,
            "stop it while volumes are removed (systemctl stop ferryman, or Ctrl-C), then start it again; live "
            "migrations go on meanwhile. Without --delete they are listed at any time.",
        ) from error
    except (StateError, SourceError) as error:
        raise refusal(error.reason, error.remedy) from error


def _print(judged: Sequence[Judged], removed: Sequence[Removed], *, deleting: bool) -> None:
    outcomes = {one.judged.left.volume: one for one in removed}
    for one in judged:
        click.echo(_text(one, outcomes.get(one.left.volume)))
    sizes: dict[str, Any] = {standing: [] for standing in Standing}
    for one in judged:
        sizes[one.standing].append(one.allocated_bytes)
    safe = f"{len(sizes[Standing.SAFE])} to remove ({sum(sizes[Standing.SAFE]) / _MIB:.1f} MiB)"
    if deleting:
        gone = [one.judged for one in removed if one.removal]
        safe = f"{len(gone)} removed ({sum(one.allocated_bytes for one in gone) / _MIB:.1f} MiB)"
    hint = "" if deleting or not sizes[Standing.SAFE] else "; remove with --delete"
    click.echo(f"{len(judged)} left behind: {safe}, {len(sizes[Standing.KEPT])} that must stay{hint}")


def _text(one: Judged, outcome: Removed | None) -> str:
    volume, record = one.left.volume, one.left.record
    size = f"{one.allocated_bytes / _MIB:.1f} MiB, " if one.standing is not Standing.GONE else ""
    what = f"{volume.host} {volume.pool}/{volume.name}: {size}left {one.age_s / _DAY_S:.1f} days ago"
    got_there = "was held on its way there" if record.outcome is Outcome.HELD else "failed to move there"
    way = got_there if volume.host == record.destination else f"moved to {record.destination}"
    lines = [
        f"{_mark(one, outcome)} {what} by {record.vm}, which {way} ({record.id})",
        f"    {one.why}",
    ]
    if outcome is not None and outcome.trouble:
        lines += [f"    not removed: {outcome.trouble}", f"    remedy: {outcome.remedy}"]
    elif one.remedy:
        lines.append(f"    remedy: {one.remedy}")
    return "\n".join(lines)


def _mark(one: Judged, outcome: Removed | None) -> str:
    if outcome is not None:
        return "removed" if outcome.removal else "STAYS  "
    return {Standing.SAFE: "safe   ", Standing.GONE: "gone   ", Standing.KEPT: "keep   "}[one.standing]
