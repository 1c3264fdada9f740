"""`ferryman run`."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

import click

from ferryman.app import Daemon, Options, is_settled
from ferryman.cli.log import LogEvents
from ferryman.cli.options import EXIT_TROUBLE, pass_connect, specs_option, state_option
from ferryman.cli.progress import ProgressLines
from ferryman.cli.refusing import refusal
from ferryman.cli.standing_by import open_when_free
from ferryman.fleet.hypervisor import Connect
from ferryman.records.errors import StateError
from ferryman.records.store import StateStore
from ferryman.service import ServiceManager
from ferryman.specs.source import SourceError


@click.command()
@specs_option
@state_option
@click.option("--once", is_flag=True, help="Stop once nothing more can be done; exit 0 only if every VM is in place.")
@click.option(
    "--rescan-s",
    type=click.FloatRange(min=1),
    default=30.0,
    show_default=True,
    help="Look at least this often, even if nothing happened.",
)
@pass_connect
def run(connect: Connect, specs: Path, state: Path, once: bool, rescan_s: float) -> None:
    """Reconcile: watch the specs, move VMs to where they should be, write down what happened.

    While another daemon writes to the state folder this one observes only, and takes over when that is gone.

    Stops on SIGTERM or Ctrl-C: a live migration goes on by itself and is taken up at the next start; a cold one that
    has not reached its destination is taken back.
    """
    service = ServiceManager(os.environ)
    events = LogEvents(sys.stderr, service)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        store = StateStore.open(state) if once else open_when_free(state, stop, service, events)
        if store is not None:
            with store, ProgressLines(store.folder, sys.stderr):
                daemon = Daemon(Options(specs=specs, state=state, rescan_s=rescan_s), store, events, service, connect)
                _reconcile(daemon, store, events, once=once, stop=stop)
    except (StateError, SourceError) as error:
        raise refusal(error.reason, error.remedy) from error


def _reconcile(daemon: Daemon, store: StateStore, events: LogEvents, *, once: bool, stop: threading.Event) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: daemon.stop())
    if stop.is_set():
        return
    events.started(daemon.specs_folder, store.folder, daemon.specs_now())
    try:
        _run(daemon, events, once=once)
    finally:
        events.stopped(daemon.left_open())


def _run(daemon: Daemon, events: LogEvents, *, once: bool) -> None:
    if not once:
        daemon.run()
        return
    found = daemon.run_once()
    good = bool(found.statuses) and all(map(is_settled, found.statuses.values())) and not events.troubled
    sys.exit(0 if good else EXIT_TROUBLE)
