"""What past moves teach: how long this VM was down by each method, and what each link carries. Values only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median

from ferryman.fleet.values import DirtyRate
from ferryman.planning.modes import SwitchOver
from ferryman.specs.choices import Method

_RECENT = 5
"""Moves that are gone by: guests and links change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastMove:
    """One move that succeeded."""

    vm: str
    source: str
    destination: str
    method: Method
    switch_over: SwitchOver = SwitchOver.LADDER
    downtime_ms: float | None = None
    """As it was probed from outside; None: unmeasured."""
    least_ms: float | None = None
    """The lower bound of that."""
    duration_s: float = 0.0
    memory_bytes: int = 0
    """That were sent, over all passes."""
    link_bytes_s: int | None = None
    """What the link carried; None: too little was sent to tell."""
    link_is_sure: bool = True
    """By the hypervisor's own figure for memory; otherwise it errs on the slow side."""
    dirty: DirtyRate | None = None
    """How fast the guest had been seen to write before the move; None: not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The past moves that are gone by, newest first."""

    moves: Mapping[str, tuple[PastMove, ...]] = field(default_factory=dict)
    """By VM."""
    speeds: Mapping[tuple[str, str], tuple[int, ...]] = field(default_factory=dict)
    """By source and destination: what the link carried, in bytes a second, whichever VM it was."""

    sure: frozenset[tuple[str, str]] = frozenset()
    """The ways whose speed was surely seen in one of these moves."""

    @classmethod
    def of(cls, newest_first: Iterable[PastMove]) -> History:
        """The history that these moves make."""
        moves: defaultdict[str, list[PastMove]] = defaultdict(list)
        speeds: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
        for move in newest_first:
            moves[move.vm].append(move)
            if move.link_bytes_s:
                speeds[move.source, move.destination].append(move.link_bytes_s)
        sure = frozenset(
            (move.source, move.destination) for made in moves.values() for move in made if move.link_is_sure
        )
        return cls(
            sure=sure,
            moves={vm: tuple(made) for vm, made in moves.items()},
            speeds={way: tuple(seen[:_RECENT]) for way, seen in speeds.items()},
        )

    def measured(self, vm: str, method: Method, source: str, destination: str) -> tuple[PastMove, ...]:
        """Last measured moves of a VM by this method: those between these hosts, where there are any."""
        made = [move for move in self.moves.get(vm, ()) if move.method is method and move.downtime_ms is not None]
        here = [move for move in made if (move.source, move.destination) == (source, destination)]
        return tuple((here or made)[:_RECENT])

    def link_bytes_s(self, source: str, destination: str) -> int | None:
        """What the link carries: the median of the last moves, or what the newest saw where that is less.

        Example: 110, 112 and, last, 5 MiB/s give 5: a link that has just become narrow is believed at once.
        """
        seen = self.speeds.get((source, destination), ())
        return min(seen[0], int(median(seen))) if seen else None


NO_HISTORY = History()
