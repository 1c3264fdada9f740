"""What a running probe looks like: live in a terminal, lines elsewhere, JSON for programs."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from types import TracebackType
from typing import Protocol, Self, TextIO

import click
from rich.console import Group
from rich.live import Live
from rich.text import Text

from ferryman.cli.options import plain
from ferryman.downtime.survey import Survey
from ferryman.downtime.values import OutageFigures, ProbeFate, ProbeTarget, ProbeView, Sample, ServiceState

_STRIP = 100
"""Probes that the live display shows one by one."""
_LINE_EVERY_S = 10.0
_COLOURS = {ServiceState.UP: "green", ServiceState.DOWN: "red", ServiceState.UNKNOWN: "yellow"}
_MARKS = {
    ProbeFate.ANSWERED: ("·", "green"),
    ProbeFate.LOST: ("x", "bold red"),
    ProbeFate.REFUSED: ("r", "bold magenta"),
    ProbeFate.UNREACHABLE: ("u", "bold yellow"),
    ProbeFate.RESET: ("!", "bold magenta"),
}
_LEGEND = "· answered  x lost  r refused  u unreachable  ! reset"


class Display(AbstractContextManager["Display"], Protocol):
    """Where a probe is shown; `begin`, then `show` ten times a second, then `conclude` after its block."""

    def begin(self, target: ProbeTarget) -> None:
        """What is probed, its name resolved."""
        ...

    def show(self, new: Sequence[Sample], view: ProbeView, /) -> None:
        """The probes settled since the last call, in that order, and how the service is doing."""
        ...

    def conclude(self, found: Survey) -> None:
        """What it comes to."""
        ...


class PlainDisplay:
    """A line at each change, and one every ten seconds."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._state = ServiceState.UNKNOWN
        self._next_at = time.monotonic() + _LINE_EVERY_S

    def begin(self, target: ProbeTarget) -> None:
        """One line."""
        self._say(f"probing {_where(target)} every {target.interval_ms:g} ms; Ctrl-C ends it")

    def show(self, _new: Sequence[Sample], view: ProbeView, /) -> None:
        """A line where there is something to say."""
        if view.state is not self._state or time.monotonic() >= self._next_at:
            self._state = view.state
            self._next_at = time.monotonic() + _LINE_EVERY_S
            self._say(f"{datetime.now().astimezone():%H:%M:%S.%f}"[:12] + f" {state_line(view)}")

    def conclude(self, found: Survey) -> None:
        """Several lines."""
        self._say(summary(found))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.flush()

    def _say(self, text: str) -> None:
        self._stream.write(f"{text}\n")
        self._stream.flush()


class JsonDisplay:
    """One object per line. `at_ms` is from the first probe on."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._began_ns: int | None = None
        self._state: ServiceState | None = None

    def begin(self, target: ProbeTarget) -> None:
        """`start`."""
        self._say({"event": "start", "at": datetime.now(UTC).isoformat(), **plain(target)})

    def show(self, new: Sequence[Sample], view: ProbeView, /) -> None:
        """`probe`s, and `state` where it changed."""
        for sample in new:
            self._began_ns = sample.sent_ns if self._began_ns is None else self._began_ns
            answered = sample.outcome is ProbeFate.ANSWERED
            trip = {"round_trip_ms": sample.round_trip_ns / 1e6} if answered else {}
            at_ms = (sample.sent_ns - self._began_ns) / 1e6
            self._say({"event": "probe", "at_ms": at_ms, "outcome": sample.outcome.value, **trip})
        if view.state is not self._state:
            self._state = view.state
            self._say({"event": "state", "state": view.state.value})

    def conclude(self, found: Survey) -> None:
        """`summary`."""
        self._say({"event": "summary", "undisturbed": found.undisturbed, **plain(found)})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.flush()

    def _say(self, value: dict[str, object]) -> None:
        self._stream.write(json.dumps(value) + "\n")
        self._stream.flush()


class LiveDisplay:
    """Redrawn in place: the state, the figures, and the newest probes one by one."""

    def __init__(self) -> None:
        self._live = Live(refresh_per_second=10, transient=True)
        self._strip: deque[Sample] = deque(maxlen=_STRIP)
        self._title = ""

    def begin(self, target: ProbeTarget) -> None:
        """The heading."""
        self._title = f"{_where(target)} every {target.interval_ms:g} ms (Ctrl-C ends it)"

    def show(self, new: Sequence[Sample], view: ProbeView, /) -> None:
        """Draw."""
        self._strip.extend(new)
        strip = Text()
        for sample in self._strip:
            mark, style = _MARKS[sample.outcome]
            strip.append(mark, style)
        state = Text(state_line(view), _COLOURS[view.state])
        self._live.update(Group(Text(self._title, "bold"), state, strip, Text(_LEGEND, "dim")))

    def conclude(self, found: Survey) -> None:
        """In place of the drawing."""
        click.echo(self._title)
        click.echo(summary(found))

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.__exit__(kind, error, trace)


def state_line(view: ProbeView) -> str:
    """How the service is doing, in one line."""
    trip = "" if view.last_round_trip_ms is None else f", last in {view.last_round_trip_ms:.1f} ms"
    missed = f", {view.not_sent} could not be sent" if view.not_sent else ""
    return f"{view.state.value:<7} {view.answered} answered{trip}, {view.lost} not{missed}"


def summary(found: Survey) -> str:
    """All of it, for people."""
    outcomes = ", ".join(f"{number} {outcome}" for outcome, number in found.outcomes.items()) or "none settled"
    missed = f"; {found.missed} slots missed" if found.missed else ""
    lines = [f"{found.sent} probes in {found.lasted_ms / 1000:.1f} s: {outcomes}{missed}"]
    if found.round_trips is not None:
        trips = found.round_trips
        lines.append(
            f"round trips: lowest {trips.lowest_ms:.2f}, median {trips.median_ms:.2f}, "
            f"99 of 100 within {trips.p99_ms:.2f}, highest {trips.highest_ms:.2f} ms"
        )
    if found.first_answer_ms is None:
        lines.append("nothing ever answered: no outage can be told without an answer before it")
    elif found.first_answer_ms > 0:
        lines.append(f"nothing answered for the first {found.first_answer_ms:.0f} ms")
    if found.first_answer_ms is not None:
        count = len(found.outages)
        lines.append(f"{count or 'no'} outage{'' if count == 1 else 's'}" + (":" if count else ""))
    if found.looked_away:
        unseen = f"nobody looked for a while: an outage of up to {found.longest_unseen_ms:.0f} ms may have gone unseen"
        return "\n".join([*lines, *map(_outage, found.outages), unseen])
    return "\n".join(lines + [_outage(outage) for outage in found.outages])


def _outage(one: OutageFigures) -> str:
    kinds = ", then ".join(one.kinds)
    lasted = (
        f"at least {one.lower_ms:.1f} ms, not over"
        if one.upper_ms is None
        else f"{one.lower_ms:.1f}-{one.upper_ms:.1f} ms"
    )
    return f"  after {one.began_ms / 1000:.3f} s: {lasted} ({kinds})"


def _where(target: ProbeTarget) -> str:
    return f"[{target.address}]:{target.port}" if ":" in target.address else f"{target.address}:{target.port}"
