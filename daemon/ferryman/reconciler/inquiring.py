"""How a VM's last move stands, for a person who is to decide about it. Reads hosts and the state folder, no more."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ferryman.fleet.observing import FleetView
from ferryman.fleet.values import Snapshot
from ferryman.migration.host_pair import ends_of
from ferryman.migration.settling.holds import Advice
from ferryman.migration.settling.situation import Situation, examine, in_words
from ferryman.planning.decisions import Refused
from ferryman.reconciler.unfinished import damaged, doubts, obstacle
from ferryman.records.audit.record import MigrationRecord
from ferryman.records.journal.entry import JournalEntry
from ferryman.records.journal.open_moves import Attempt, OpenMoves, open_moves_in
from ferryman.records.lock import FolderLock
from ferryman.records.progress_files import read_progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What the state folder holds of moves that did not come to an end, and who is at work there."""

    moves: OpenMoves = field(default_factory=OpenMoves)
    moving: frozenset[str] = frozenset()
    """A daemon is at work on them."""
    daemon: str | None = None
    """Who writes to the state folder now."""

    def attempt(self, vm: str) -> Attempt:
        """What there is of this VM's."""
        return self.moves.attempt(vm, self.moving)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inquiry:
    """One VM's answer."""

    vm: str
    attempt: Attempt
    advice: Advice
    entry: JournalEntry | None = None
    situation: Situation | None = None
    """None: its journal entry cannot be read or is gone, or its hosts are not in the specs."""
    places: Mapping[str, str] = field(default_factory=dict)
    """By host: its state there, absent, or unreachable."""
    record: MigrationRecord | None = None
    """Of an attempt that was held: why, then."""

    @property
    def can_be_accepted(self) -> bool:
        """Whether `--accept` would do anything now."""
        if self.attempt is Attempt.DAMAGED:
            return True  # judged by whoever does it, on the whole fleet
        return self.situation is not None and self.situation.acts


def left_in(state: Path) -> Left:
    """Read the state folder."""
    moves = open_moves_in(state)
    daemon = FolderLock.holder(state)
    at_work = {progress.id for progress in read_progress(state)} if daemon else set()
    moving = frozenset(vm for vm, entry in moves.open.items() if entry.id in at_work)
    return Left(moves=moves, moving=moving, daemon=daemon)


def inquire(vm: str, left: Left, view: FleetView, hosts: Collection[str]) -> Inquiry:
    """Look at the VM on every host. `hosts`: those of the specs."""
    snapshot = view.look()
    attempt, entry = left.attempt(vm), left.moves.entry(vm)
    situation = None
    if (
        attempt in (Attempt.OPEN, Attempt.HELD)
        and entry is not None
        and {entry.source, entry.destination} <= set(hosts)
    ):
        situation = examine(entry, ends_of(view, entry.source, entry.destination))
    return Inquiry(
        vm=vm,
        attempt=attempt,
        advice=_advice(vm, attempt, entry, situation, snapshot),
        entry=entry,
        situation=situation,
        places=_places(vm, snapshot),
        record=left.moves.held.get(vm),
    )


def _advice(
    vm: str, attempt: Attempt, entry: JournalEntry | None, situation: Situation | None, snapshot: Snapshot
) -> Advice:
    if situation is not None:
        return in_words(situation)
    if attempt is Attempt.DAMAGED:
        return _of_damaged(vm, snapshot)
    if attempt is Attempt.MOVING:
        return Advice(reason="the daemon is at work on it", remedy="See its progress: ferryman status")
    if entry is not None and isinstance(gone := obstacle(entry, snapshot.hosts, snapshot), Refused):
        return Advice(reason=gone.findings[0].reason, remedy=gone.findings[0].remedy)
    if attempt is Attempt.HELD:
        return Advice(
            reason="it was held, and its journal entry is gone",
            remedy=f"When one running copy and one definition are left: ferryman recover {vm} --forget",
        )
    return Advice(reason="it has no interrupted or held move", remedy="")


def _of_damaged(vm: str, snapshot: Snapshot) -> Advice:
    against, said = doubts(vm, snapshot), damaged(vm).findings[0]
    if not against:
        return Advice(
            reason=f"{said.reason}; it is on one host, and whole",
            remedy=f"To have the entry set aside and the VM decided about afresh: ferryman recover {vm} --accept",
        )
    return Advice(reason=f"{said.reason}; {'; '.join(against)}", remedy=said.remedy)


def _places(vm: str, snapshot: Snapshot) -> dict[str, str]:
    places = {host: f"unreachable: {silent.reason}" for host, silent in snapshot.unreachable().items()}
    for host in snapshot.hosts.keys() - places.keys():
        domain = snapshot.holders(vm).get(host)
        places[host] = "absent" if domain is None else domain.power.value
    return dict(sorted(places.items()))
