"""`ferryman recover`."""

from __future__ import annotations

import getpass
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import click

from ferryman.app import Daemon, Options
from ferryman.cli.log import LogEvents
from ferryman.cli.options import EXIT_TROUBLE, json_option, pass_connect, plain, print_json, specs_option, state_option
from ferryman.cli.refusing import refusal, require_state
from ferryman.fleet.hypervisor import Connect
from ferryman.previewing import fleet_view
from ferryman.reconciler.inquiring import Inquiry, Left, inquire, left_in
from ferryman.reconciler.requested import Attempt
from ferryman.records import requests
from ferryman.records.audit import whole as audit
from ferryman.records.audit.record import MigrationRecord, Outcome
from ferryman.records.errors import StateError, StateLockedError
from ferryman.records.requests import Request, Wish
from ferryman.records.store import StateStore
from ferryman.service import ServiceManager
from ferryman.specs.source import SourceError

_ANSWERED_WITHIN_S = 90.0
"""A daemon looks at least every 30 s, and a look may wait for hosts that are silent."""
_LOOK_EVERY_S = 0.2


@click.command()
@click.argument("vm", required=False)
@click.option("--accept", is_flag=True, help="Carry out the next step shown, and go on until the move has ended.")
@click.option("--forget", is_flag=True, help="Close the move without touching any host. It is recorded as cancelled.")
@click.option(
    "--wait-s",
    type=click.FloatRange(min=0),
    default=300.0,
    show_default=True,
    help="With --accept: wait at most so long for the move's end.",
)
@specs_option
@state_option
@json_option
@pass_connect
def recover(
    connect: Connect, specs: Path, state: Path, vm: str | None, accept: bool, forget: bool, wait_s: float, as_json: bool
) -> None:
    """Show how a VM's interrupted or held move stands, and what ferryman would do; with --accept, have it done.

    Without VM: list the moves that did not come to an end. Shown are the journal's step, what both ends say now, the
    recovery table's cell for that, and what it means. A running daemon is asked and does it itself; without one this
    command does, by the same code. Exit 0: nothing is left to decide; 1: something is.
    """
    if accept and forget:
        raise click.UsageError("--accept and --forget exclude each other")
    if vm is None and (accept or forget):
        raise click.UsageError("name the VM")
    require_state(state)
    try:
        if vm is None:
            _list(left_in(state), as_json=as_json)
        elif accept or forget:
            asked = Request(
                vm=vm,
                wish=Wish.ACCEPT if accept else Wish.FORGET,
                asked_at=datetime.now(UTC),
                asked_by=getpass.getuser(),
            )
            _decide(asked, Options(specs=specs, state=state, only=vm), connect, wait_s=wait_s, as_json=as_json)
        else:
            found = _inquire(vm, specs, state, connect)
            _show(found, as_json=as_json)
            sys.exit(0 if found.attempt is Attempt.NONE else EXIT_TROUBLE)
    except (StateError, SourceError) as error:
        raise refusal(error.reason, error.remedy) from error


def _inquire(vm: str, specs: Path, state: Path, connect: Connect) -> Inquiry:
    with fleet_view(specs, state, connect) as view:
        return inquire(vm, left_in(state), view, view.names())


def _decide(asked: Request, options: Options, connect: Connect, *, wait_s: float, as_json: bool) -> None:
    _require_owner(options.state)
    found = _inquire(asked.vm, options.specs, options.state, connect)
    if not as_json:
        _show(found, as_json=False)
    if asked.wish is Wish.ACCEPT and not found.can_be_accepted:
        raise refusal(f"there is nothing to accept: {found.advice.reason}", found.advice.remedy)
    with requests.asking(options.state, asked):
        answer = _answer(asked, options, connect)
    ended = _ended(answer, options.state, wait_s) if answer.granted else None
    _tell(answer, ended, as_json=as_json)
    sys.exit(0 if answer.granted and (ended is None or ended.outcome is not Outcome.HELD) else EXIT_TROUBLE)


def _require_owner(state: Path) -> None:
    """Files of another account would be closed to the daemon."""
    owner = state.stat().st_uid
    if owner != os.geteuid():
        raise refusal(
            f"{state} belongs to user {owner}, and this is user {os.geteuid()}",
            f"run it as the daemon's account: runuser -u '#{owner}' -- ferryman recover ...",
        )


def _answer(asked: Request, options: Options, connect: Connect) -> Request:
    """The daemon's answer; where none runs, this process is the daemon until the move has ended."""
    try:
        with StateStore.open(options.state) as store:
            service = ServiceManager({})
            Daemon(options, store, LogEvents(sys.stderr, service), service, connect).run_once()
    except StateLockedError:
        deadline = time.monotonic() + _ANSWERED_WITHIN_S
        while _unanswered(asked, options.state) and time.monotonic() < deadline:
            time.sleep(_LOOK_EVERY_S)
    found = requests.read(options.state, asked.vm)
    if found is None or found.granted is None:
        raise refusal(
            "the daemon did not answer", "see whether it is at work (systemctl status ferryman), and ask again"
        )
    return found


def _unanswered(asked: Request, state: Path) -> bool:
    found = requests.read(state, asked.vm)
    return found is not None and found.granted is None


def _ended(answer: Request, state: Path, wait_s: float) -> MigrationRecord | None:
    """The audit record that it came to; None: not yet, or (a damaged entry) there is none."""
    deadline = time.monotonic() + wait_s
    while (found := audit.record(state, answer.record)) is None and answer.record and time.monotonic() < deadline:
        time.sleep(_LOOK_EVERY_S)
    return found


def _tell(answer: Request, ended: MigrationRecord | None, *, as_json: bool) -> None:
    if as_json:
        print_json({"request": plain(answer), "record": None if ended is None else plain(ended)})
        return
    click.echo(f"{'granted' if answer.granted else 'REFUSED'}: {answer.answer}")
    if ended is not None:
        said = f": {ended.reason}" if ended.reason else ""
        click.echo(f"{ended.outcome} ({ended.source} -> {ended.destination}){said}")
        if ended.remedy:
            click.echo(f"  remedy: {ended.remedy}")


def _list(left: Left, *, as_json: bool) -> None:
    found = {vm: left.attempt(vm).value for vm in left.moves.vms()}
    if as_json:
        print_json({"daemon": left.daemon, "vms": found})
    else:
        for vm, attempt in found.items():
            click.echo(f"{vm}: {attempt}; how it stands: ferryman recover {vm}")
        if not found:
            click.echo("every move has come to its end")
    sys.exit(EXIT_TROUBLE if found else 0)


def _show(found: Inquiry, *, as_json: bool) -> None:
    if as_json:
        print_json({**plain(found), "can_be_accepted": found.can_be_accepted})
        return
    for line in _lines(found):
        click.echo(line)


def _lines(found: Inquiry) -> list[str]:
    entry, situation = found.entry, found.situation
    lines = [f"{found.vm}: {found.attempt}"]
    if entry is not None:
        lines[0] += f"; move {entry.source} -> {entry.destination} ({entry.method}), attempt {entry.attempt}"
        lines.append(f"  journal    step {entry.step}, begun {entry.started_at:%Y-%m-%d %H:%M:%S} UTC, {entry.id}")
    lines += [f"  on {host:<8} {said}" for host, said in found.places.items()]
    if situation is not None and entry is not None:
        seen, ruling = situation.seen, situation.ruling
        job = "a migration job is active" if seen.job else "no job"
        lines.append(f"  both ends  {entry.method} / {entry.step} / {seen.source} x {seen.destination}; {job}")
        lines.append(f"  next step  {ruling.action}" + (f" ({ruling.hold})" if ruling.hold else ""))
    if found.record is not None:
        lines.append(f"  held       {found.record.reason}")
    lines.append(f"  because    {found.advice.reason}")
    return lines + ([f"  remedy     {found.advice.remedy}"] if found.advice.remedy else [])
