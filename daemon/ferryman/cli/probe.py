"""`ferryman probe`."""

from __future__ import annotations

import math
import os
import re
import signal
import sys
import threading
import time
from dataclasses import dataclass

import click

from ferryman.cli.options import EXIT_TROUBLE, json_option
from ferryman.cli.probe_display import Display, JsonDisplay, LiveDisplay, PlainDisplay
from ferryman.cli.refusing import refusal
from ferryman.downtime.prober import Probe, ProbeError
from ferryman.downtime.survey import Survey, survey
from ferryman.downtime.values import ProbeTarget

SSH_PORT = 22
_LOOK_EVERY_S = 0.1
_TARGET = re.compile(
    r"\[(?P<bracketed>[^\[\]]+)\](:(?P<port>\d{1,5}))?|(?P<name>[^:\[\]\s]+)(:(?P<name_port>\d{1,5}))?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Until:
    """When to end by itself; None: not for this."""

    duration_s: float | None
    count: int | None


@click.command()
@click.argument("target", metavar="ADDRESS[:PORT]")
@click.option(
    "--interval-ms", type=click.FloatRange(1, 1000), default=10.0, show_default=True, help="Between two probes."
)
@click.option("--duration-ms", type=click.FloatRange(min=0, min_open=True), help="End after this time.")
@click.option("--count", type=click.IntRange(min=1), help="End after so many probes.")
@json_option
def probe(target: str, interval_ms: float, duration_ms: float | None, count: int | None, as_json: bool) -> None:
    """Watch whether a TCP port answers, as a VM's users would see it, until Ctrl-C; then sum up.

    ADDRESS is an IPv4 or IPv6 address or a name; an IPv6 address with a port stands in brackets: [2001:db8::1]:22. The
    port is 22 unless said otherwise. Every probe is half a connection: no service sees any of them. An outage has
    bounds: it lasted at least from its first lost probe to its last, at most from the last answered probe before it to
    the first answer after it.

    With --json every line is one object: `start`, each `probe`, each change of `state`, and the `summary`.

    Exit 0: it answered all the time; 1: an outage, or no answer at first or at all; 2: it cannot be probed.
    """
    address, port = address_and_port(target)
    end = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: end.set())
    asked = ProbeTarget(address=address, port=port, interval_ms=interval_ms)
    until = Until(duration_s=None if duration_ms is None else duration_ms / 1000, count=count)
    try:
        found, failure = _watch(asked, until, end, _display(as_json=as_json))
    except ProbeError as error:
        raise click.BadParameter(str(error)) from error
    except BrokenPipeError:
        # Whoever read it has seen enough. Nothing more is flushed to nobody.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(EXIT_TROUBLE)
    except OSError as error:
        raise refusal(f"no probe can be started: {error}", "see what this machine lacks") from error
    if failure:
        click.echo(f"{failure}\n  remedy: begin again; what was seen up to then is above", err=True)
    sys.exit(0 if found.undisturbed and not failure else EXIT_TROUBLE)


def address_and_port(target: str) -> tuple[str, int]:
    """HOST, HOST:PORT, [IPV6], [IPV6]:PORT or IPV6. Raises BadParameter, which says how to write it."""
    text = target.strip()
    if text.count(":") > 1 and not text.startswith("["):
        return text, SSH_PORT  # an IPv6 address without a port
    found = _TARGET.fullmatch(text)
    if found is None:
        raise click.BadParameter(f"{target!r}: write 192.0.2.1:22, host.example:22 or [2001:db8::1]:22")
    return found["bracketed"] or found["name"], int(found["port"] or found["name_port"] or SSH_PORT)


def _display(*, as_json: bool) -> Display:
    if as_json:
        return JsonDisplay(sys.stdout)
    return LiveDisplay() if sys.stdout.isatty() else PlainDisplay(sys.stdout)


def _watch(target: ProbeTarget, until: Until, end: threading.Event, display: Display) -> tuple[Survey, str]:
    """Probe and show until it is to end; what was seen, and what the prober died of, if it did. Raises ProbeError."""
    give_up_at = math.inf if until.duration_s is None else time.monotonic() + until.duration_s
    shown = 0
    running = Probe.start(target)
    with display, running:
        display.begin(running.target)
        ended = False
        while not ended:
            ended = end.wait(max(0.0, min(_LOOK_EVERY_S, give_up_at - time.monotonic())))
            done = shown + len(running.settled(shown)) + running.unsendable
            enough = until.count is not None and done >= until.count
            ended = ended or enough or running.failure is not None or time.monotonic() >= give_up_at
            samples = running.stop() if ended else ()
            new = running.settled(shown)[: None if until.count is None else until.count - shown]
            shown += len(new)
            display.show(new, running.latest())
        found = survey(samples[: until.count], interval_ms=target.interval_ms, missed=running.missed)
    display.conclude(found)
    return found, running.failure or ""
