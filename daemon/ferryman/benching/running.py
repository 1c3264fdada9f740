"""A run put together around the real world's adapters."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ferryman.benching import results
from ferryman.benching.beginning import begin, may_be_powered_off, spec_of
from ferryman.benching.bench import Bench, Told
from ferryman.benching.moving import BenchError, Mover
from ferryman.benching.values import BenchRun
from ferryman.fleet.hypervisor import Connect
from ferryman.fleet.observing import FleetView
from ferryman.migration.clock import SystemClock
from ferryman.reconciler.chronicle import Chronicle
from ferryman.reconciler.events import Events
from ferryman.reconciler.unfinished import damaged
from ferryman.reconciler.wanting import wanted_in
from ferryman.records.audit.samples import ProbedMove, write_samples
from ferryman.records.identity import identity_of
from ferryman.records.progress_files import Progress, write_progress
from ferryman.records.store import StateStore
from ferryman.specs.choices import Method
from ferryman.specs.loading import Specs


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a person asked for."""

    vm: str
    iterations: int
    methods: tuple[Method, ...]
    between: tuple[str, str] | None = None
    resume: bool = False
    rest_s: float = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Interrupts:
    """How a person ends a run early."""

    enough: threading.Event = field(default_factory=threading.Event)
    """After the move under way, and brought home."""
    stop: threading.Event = field(default_factory=threading.Event)
    """Now, as a daemon stops: the journal keeps the move open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What a run works in."""

    specs: Path
    store: StateStore
    connect: Connect
    events: Events


def run(asked: Asked, around: Around, ends: Interrupts, tell: Told) -> BenchRun:
    """Begin or resume a run, and see it through. Raises BenchError, StateError, SourceError."""
    specs = _in_force(around)
    spec_of(specs, asked.vm)
    folder = around.store.folder
    with _mover(specs, around, ends.stop) as mover:
        _refuse_damaged(asked.vm, mover)
        bench = Bench(mover=mover, state=folder, rest_s=asked.rest_s, enough=ends.enough, tell=tell)
        return bench.go_on(_resumed(asked, specs, folder) if asked.resume else _begun(asked, specs, mover))


def _refuse_damaged(vm: str, mover: Mover) -> None:
    """A new move would write over what is left of the entry. Raises BenchError."""
    if vm in mover.chronicle.open_moves().damaged:
        said = damaged(vm).findings[0]
        raise BenchError(f"{vm}: {said.reason}.", said.remedy)


def _begun(asked: Asked, specs: Specs, mover: Mover) -> BenchRun:
    if asked.vm in mover.chronicle.open_moves().open:
        raise BenchError(
            f"A move of {asked.vm} was broken off and is still open.",
            "Have it ended: go on with that bench (--resume), or ferryman run --once",
        )
    at = mover.whereabouts(asked.vm)
    return begin(
        specs,
        asked.vm,
        at=at,
        between=asked.between,
        methods=asked.methods,
        iterations=asked.iterations,
        now=mover.clock.now(),
    )


def _resumed(asked: Asked, specs: Specs, folder: Path) -> BenchRun:
    last = results.read(folder, asked.vm)
    if last is None:
        raise BenchError(f"{asked.vm} has no run to go on with in {folder}.", "Begin one, without --resume.")
    # Its spec may say otherwise since.
    may_be_powered_off(spec_of(specs, asked.vm), last.methods)
    return last


def _in_force(around: Around) -> Specs:
    folder = around.specs
    wanted = wanted_in(folder, around.store.folder)
    wanted.refresh()
    if wanted.specs is None:
        first = wanted.problems[0]
        raise BenchError(f"No specs are in force: {first.place or folder}: {first.message}", first.remedy)
    return wanted.specs


@contextmanager
def _mover(specs: Specs, around: Around, stop: threading.Event) -> Iterator[Mover]:
    clock, store = SystemClock(), around.store
    view = FleetView(around.connect, lambda: None)
    try:
        view.configure(specs.hosts)
        yield Mover(
            specs=specs,
            view=view,
            chronicle=Chronicle(store, clock, around.events),
            clock=clock,
            stop=stop,
            show=lambda progress: _show(store.folder, progress),
            keep_samples=lambda move: _keep_samples(store.folder, move),
            me=identity_of(store.folder),
        )
    finally:
        view.close()


def _keep_samples(folder: Path, move: ProbedMove) -> None:
    write_samples(folder, move)


def _show(folder: Path, progress: Progress) -> None:
    write_progress(folder, progress)
