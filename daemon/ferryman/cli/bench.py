"""`ferryman bench`."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import click

from ferryman.benching.bench import is_complete
from ferryman.benching.moving import BenchError
from ferryman.benching.running import Around, Asked, Interrupts, run
from ferryman.benching.values import BenchRun
from ferryman.cli.bench_tables import Teller, print_tables, run_csv, run_json
from ferryman.cli.log import LogEvents
from ferryman.cli.options import EXIT_TROUBLE, json_option, pass_connect, specs_option, state_option
from ferryman.cli.progress import ProgressLines
from ferryman.cli.refusing import refusal
from ferryman.fleet.hypervisor import Connect
from ferryman.records.errors import StateError, StateLockedError
from ferryman.records.store import StateStore
from ferryman.service import ServiceManager
from ferryman.specs.choices import Method
from ferryman.specs.source import SourceError

_METHODS = [method.value for method in Method if method is not Method.AUTO]


@click.command()
@click.argument("vm")
@specs_option
@state_option
@click.option(
    "--iterations", type=click.IntRange(1, 10_000), default=5, show_default=True, help="There and back so often."
)
@click.option(
    "--method",
    "methods",
    multiple=True,
    type=click.Choice(_METHODS),
    help="Method to measure; give several to alternate between them and compare. Default: live.",
)
@click.option("--between", nargs=2, metavar="A B", help="Default: where the VM is, and the only other host in service.")
@click.option("--rest-s", type=click.FloatRange(0, 3600), default=2.0, show_default=True, help="Between two moves.")
@click.option("--resume", is_flag=True, help="Go on with this VM's last run, with what was asked for then.")
@json_option
@click.option("--csv", "csv", is_flag=True, help="Print one line per move, for a spreadsheet.")
@pass_connect
def bench(
    connect: Connect,
    vm: str,
    specs: Path,
    state: Path,
    iterations: int,
    methods: tuple[str, ...],
    between: tuple[str, str] | None,
    rest_s: float,
    resume: bool,
    as_json: bool,
    csv: bool,
) -> None:
    """Move VM there and back, so many times, and say how long it was down.

    Every move is planned, measured and recorded as the daemon's own are; nothing is left behind on the host it leaves,
    and at the end it is where it was. Its spec and other VMs are not touched. It is powered off (--method cold) only if
    its spec allows that. Ctrl-C brings it home and ends; killed, it goes on with --resume.

    Exit 0: all moves were made; 1: not so.
    """
    if as_json and csv:
        raise click.UsageError("--json and --csv exclude each other")
    asked = Asked(
        vm=vm,
        iterations=iterations,
        methods=tuple(map(Method, methods)) or (Method.LIVE,),
        between=between,
        resume=resume,
        rest_s=rest_s,
    )
    done = _run(asked, specs, state, connect)
    if as_json:
        click.echo(run_json(done))
    elif csv:
        click.echo(run_csv(done), nl=False)
    else:
        print_tables(done)
    sys.exit(0 if is_complete(done) else EXIT_TROUBLE)


def _run(asked: Asked, specs: Path, state: Path, connect: Connect) -> BenchRun:
    ends = Interrupts()

    def end(*_: object) -> None:
        """The first time in good order, the second at once."""
        (ends.stop if ends.enough.is_set() else ends.enough).set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    try:
        with StateStore.open(state) as store, ProgressLines(store.folder, sys.stderr, phases_only=True):
            events = LogEvents(sys.stderr, ServiceManager({}))
            around = Around(specs=specs, store=store, connect=connect, events=events)
            return run(asked, around, ends, Teller(sys.stderr).tell)
    except StateLockedError as error:
        raise refusal(
            error.reason, "stop it while you bench (systemctl stop ferryman, or Ctrl-C); start it again afterwards"
        ) from error
    except (BenchError, StateError, SourceError) as error:
        raise refusal(error.reason, error.remedy) from error
