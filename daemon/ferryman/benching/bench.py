"""A run from its first move to its last; it can be broken off anywhere, and resumed."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from ferryman.benching import results
from ferryman.benching.moving import BenchError, Mover, NotNowError
from ferryman.benching.schedule import has_failed_too_often, homeward, legs, next_leg, succeeded
from ferryman.benching.values import BenchMove, BenchRun, Leg, LegUnderWay
from ferryman.records.audit import whole as audit
from ferryman.records.audit.ids import migration_id
from ferryman.records.audit.query import Query
from ferryman.records.audit.record import Outcome

T = TypeVar("T")
_TRIES, _BETWEEN_TRIES_S = 12, 5.0

Told = Callable[[BenchRun, BenchMove], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Drives a run. `enough`: a person wants it to end; then the VM is brought home first."""

    mover: Mover
    state: Path
    rest_s: float
    """Between two moves, for the guest to come to rest."""
    enough: threading.Event
    tell: Told

    def go_on(self, run: BenchRun) -> BenchRun:
        """Move until all is done, somebody has had enough, or it is hopeless. Raises BenchError, StateError."""
        run = self._taken_up(run)
        while (leg := self._next(run)) is not None:
            run = self._moved(run, leg)
            if run.under_way is not None:
                raise BenchError(f"The move of {run.vm} was left under way.", "Go on with --resume.")
            if run.moves[-1].outcome is Outcome.HELD or has_failed_too_often(run):
                last = run.moves[-1]
                raise BenchError(
                    f"{run.vm}: {last.leg.source} -> {last.leg.destination} {last.outcome}: {last.reason}",
                    "Mend that, then go on with --resume.",
                )
            self.enough.wait(self.rest_s)
        return run

    def _next(self, run: BenchRun) -> Leg | None:
        at = self._patiently(lambda: self.mover.whereabouts(run.vm))
        return homeward(run, at) if self.enough.is_set() else next_leg(run, at)

    def _moved(self, run: BenchRun, leg: Leg) -> BenchRun:
        record_id = migration_id(self.mover.clock.now(), run.vm, secrets.randbits(16))
        begun = replace(run, under_way=LegUnderWay(id=record_id, leg=leg))
        results.write(self.state, begun)
        why = (
            f"ferryman bench: round {leg.iteration} of {run.iterations}"
            if leg.counted
            else "ferryman bench: to begin from"
        )
        record = self._patiently(lambda: self.mover.move(run.vm, leg, record_id, why))
        return begun if record is None else self._kept(run, BenchMove.of(leg, record))

    def _patiently(self, act: Callable[[], T]) -> T:
        """Try again for a minute what cannot be done just now. Raises NotNowError after that."""
        for _ in range(_TRIES):
            with suppress(NotNowError):
                return act()
            self.mover.stop.wait(_BETWEEN_TRIES_S)
        return act()

    def _taken_up(self, run: BenchRun) -> BenchRun:
        """What a run that was killed left open is ended first; its record says what became of it."""
        for entry in self.mover.chronicle.open_moves().open.values():
            if entry.vm == run.vm:
                self.mover.end_open_move(entry)
        if run.under_way is None:
            return run
        begun = run.under_way
        for record in audit.records(self.state, Query.of_vm(run.vm)):
            if record.id == begun.id:
                return self._kept(run, BenchMove.of(begun.leg, record))
        return replace(run, under_way=None)

    def _kept(self, run: BenchRun, move: BenchMove) -> BenchRun:
        after = replace(run, moves=(*run.moves, move), under_way=None)
        results.write(self.state, after)
        self.tell(after, move)
        return after


def is_complete(run: BenchRun) -> bool:
    """Every move that was wanted was made."""
    return len(succeeded(run)) == len(legs(run))
