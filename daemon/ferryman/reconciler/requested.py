"""What a person asked about a move that is open or held: granted or not, and why. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from ferryman.fleet.values import Snapshot
from ferryman.planning.decisions import Refused, Wait
from ferryman.reconciler.unfinished import doubts, obstacle
from ferryman.records.journal.entry import JournalEntry
from ferryman.records.journal.open_moves import Attempt as Attempt
from ferryman.records.requests import Wish


class Grant(StrEnum):
    """What is done."""

    REFUSED = "refused"
    TAKE_UP = "take-up"
    """Settle the open move, as after a restart."""
    TAKE_UP_AGAIN = "take-up-again"
    """Settle the held move, as an attempt of its own."""
    END = "end"
    """Record the open or held move as given up, touching no host."""
    SET_ASIDE = "set-aside"
    """Keep the damaged entry out of the way; the VM is decided about afresh."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a request comes to."""

    grant: Grant
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One request, and what it is about."""

    vm: str
    wish: Wish
    attempt: Attempt
    entry: JournalEntry | None = None
    """Of an open or held attempt."""


def judge(case: Case, hosts: Collection[str], snapshot: Snapshot) -> Reply:
    """Whether the wish can be granted now. `hosts`: those of the specs."""
    vm, wish, entry = case.vm, case.wish, case.entry
    match case.attempt:
        case Attempt.NONE:
            return Reply(grant=Grant.REFUSED, text=f"{vm} has no interrupted or held move")
        case Attempt.MOVING:
            return Reply(grant=Grant.REFUSED, text=f"{vm} is being moved now; its progress: ferryman status")
        case Attempt.DAMAGED:
            return _damaged(vm, wish, snapshot)
        case Attempt.OPEN | Attempt.HELD if wish is Wish.FORGET:
            return Reply(grant=Grant.END, text="the move is ended as it is; nothing was touched on any host")
        case Attempt.OPEN | Attempt.HELD:
            if entry is None:
                return Reply(grant=Grant.REFUSED, text=_NO_ENTRY.format(vm=vm))
            against = obstacle(entry, hosts, snapshot)
            if against is not None:
                return Reply(grant=Grant.REFUSED, text=_said(against))
            again = case.attempt is Attempt.HELD
            return Reply(grant=Grant.TAKE_UP_AGAIN if again else Grant.TAKE_UP, text="the move is taken up")
        case _:
            assert_never(case.attempt)


_NO_ENTRY = "{vm} was held and its journal entry is gone; when it is as it should be: ferryman recover {vm} --forget"


def _damaged(vm: str, wish: Wish, snapshot: Snapshot) -> Reply:
    against = () if wish is Wish.FORGET else doubts(vm, snapshot)
    if against:
        return Reply(grant=Grant.REFUSED, text=f"it is not clear what became of {vm}: {'; '.join(against)}")
    return Reply(grant=Grant.SET_ASIDE, text="the entry was set aside, and the VM is decided about afresh")


def _said(against: Wait | Refused) -> str:
    match against:
        case Wait():
            return against.message
        case Refused():
            return "; ".join(finding.reason for finding in against.findings)
