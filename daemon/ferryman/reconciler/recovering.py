"""Open and held moves: what a person asked about them is answered, and those that can be are taken up.

Looked at afresh at every look, so that a mended journal, a host that is back or a person's word needs no restart.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from ferryman.fleet.values import Snapshot
from ferryman.migration.clock import Clock
from ferryman.migration.recording import decided, given_up
from ferryman.planning.decisions import Refused, Wait
from ferryman.reconciler.chronicle import Chronicle
from ferryman.reconciler.obeying import Answer, answer, starting_again
from ferryman.reconciler.requested import Attempt, Case, Grant, Reply, judge
from ferryman.reconciler.unfinished import damaged, obstacle, resting, stuck
from ferryman.records.audit.ids import migration_id
from ferryman.records.audit.record import MigrationRecord
from ferryman.records.journal.entry import JournalEntry
from ferryman.records.requests import Request
from ferryman.specs.loading import Specs

REST_NS = 15 * 1_000_000_000
_NOBODY_WAITS = "whoever asked is gone, and nothing was done; to ask again: ferryman recover"
_BY_A_PERSON = "{who} gave the move up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfinished:
    """The moves that no thread is at work on."""

    ready: tuple[JournalEntry, ...]
    """To be taken up now."""
    waiting: dict[str, Refused | Wait]
    """What is said of the VMs of the others. Nothing is done to them."""


class Recovery:
    """Used from the loop's thread."""

    def __init__(self, chronicle: Chronicle, clock: Clock, answered: Callable[[Request], None]) -> None:
        """`answered` is told every request with its answer."""
        self._chronicle = chronicle
        self._clock = clock
        self._answered = answered
        self._bugs: dict[str, Refused] = {}
        """VMs whose move died of a fault of ours: not taken up before a restart or a person's word."""
        self._rest_until_ns: dict[str, int] = {}
        """Moves that were left open: until then others may have their slots."""

    def died(self, vm: str, bug: BaseException) -> None:
        """A move died of a fault of ours. Its journal entry stays open."""
        reason = f"ferryman failed in moving it: {bug!r}"
        remedy = f"Report the fault. To have the move taken up again: ferryman recover {vm} --accept"
        self._bugs[vm] = stuck(vm, reason, remedy)

    def left_open(self, vm: str) -> None:
        """A move came to no end, for a host or a guest that did not answer in time."""
        self._rest_until_ns[vm] = self._clock.monotonic_ns() + REST_NS

    def next_look_ns(self) -> list[int]:
        """When, by the monotonic clock, moves that rest are taken up again."""
        return list(self._rest_until_ns.values())

    def look(self, specs: Specs, snapshot: Snapshot, moving: Collection[str]) -> Unfinished:
        """Answer what was asked, and sort the open moves out."""
        for request in self._chronicle.mailbox.unanswered():
            self._serve(request, specs, snapshot, moving)
        self._see_who_obeyed(specs, snapshot, moving)
        moves = self._chronicle.open_moves()
        waiting: dict[str, Refused | Wait] = {vm: damaged(vm) for vm in moves.damaged}
        ready = []
        for entry in moves.open.values():
            if entry.vm in moving:
                continue
            against = self._bugs.get(entry.vm) or obstacle(entry, specs.hosts, snapshot) or self._rest(entry)
            if against is None:
                ready.append(entry)
            else:
                waiting[entry.vm] = against
        return Unfinished(ready=tuple(ready), waiting=waiting)

    def _see_who_obeyed(self, specs: Specs, snapshot: Snapshot, moving: Collection[str]) -> None:
        """Guests that powered themselves off after their move's end are started again, as an attempt of its own."""
        chronicle, now = self._chronicle, self._clock.now()
        entries = chronicle.journal.asked.entries()
        if not entries:
            return
        moves = chronicle.open_moves()
        left = moving | moves.open.keys() | moves.held.keys() | moves.damaged
        left |= {vm for vm, spec in specs.vms.items() if spec.suspend}
        for entry in entries:
            told = Answer.NONE_YET if entry.vm in left else answer(entry, snapshot, now)
            fresh_id = migration_id(now, entry.vm, secrets.randbits(16))
            if told is Answer.OBEYED and not chronicle.reopen(starting_again(entry, fresh_id, now)):
                continue
            if told is not Answer.NONE_YET:
                chronicle.asks_no_more(entry.vm)

    def _rest(self, entry: JournalEntry) -> Wait | None:
        if self._clock.monotonic_ns() >= self._rest_until_ns.get(entry.vm, 0):
            self._rest_until_ns.pop(entry.vm, None)
            return None
        return resting(entry)

    def _serve(self, request: Request, specs: Specs, snapshot: Snapshot, moving: Collection[str]) -> None:
        if self._chronicle.mailbox.is_abandoned(request):
            # It may be days old; what was true of the VM then may not be so now.
            self._chronicle.mailbox.drop(request)
            self._answered(replace(request, granted=False, answer=_NOBODY_WAITS))
            return
        case = self._case(request, moving)
        answer = judge(case, specs.hosts, snapshot)
        record_id = self._grant(answer, case, request)
        granted = answer.grant is not Grant.REFUSED
        told = replace(request, granted=granted, answer=answer.text, record=record_id)
        self._chronicle.mailbox.answer(told)
        self._answered(told)

    def _case(self, request: Request, moving: Collection[str]) -> Case:
        moves = self._chronicle.open_moves()
        attempt, entry = moves.attempt(request.vm, moving), moves.entry(request.vm)
        return Case(vm=request.vm, wish=request.wish, attempt=attempt, entry=entry)

    def _grant(self, answer: Reply, case: Case, request: Request) -> str:
        """Do it; the id of the audit record that will come of it, empty where none will."""
        vm, chronicle, now = case.vm, self._chronicle, self._clock.now()
        fresh_id = migration_id(now, vm, secrets.randbits(16))
        reason = _BY_A_PERSON.format(who=request.asked_by)
        if answer.grant is not Grant.REFUSED:
            self._bugs.pop(vm, None)
            self._rest_until_ns.pop(vm, None)
            chronicle.memory.setbacks.pop(vm, None)
        match answer.grant:
            case Grant.REFUSED:
                return ""
            case Grant.TAKE_UP:
                return case.entry.id if case.entry else ""
            case Grant.TAKE_UP_AGAIN if case.entry is not None:
                chronicle.reopen(replace(case.entry, id=fresh_id, started_at=now, resolves=case.entry.id))
                return fresh_id
            case Grant.SET_ASIDE:
                entry = chronicle.set_aside(vm, fresh_id)
                why = f"its journal entry could not be read; {reason}"
                return "" if entry is None else self._record(given_up(entry, now, why))
            case Grant.END if case.attempt is Attempt.OPEN and case.entry is not None:
                return self._record(given_up(case.entry, now, reason))
            case Grant.END:
                return self._record(decided(chronicle.memory.held[vm], fresh_id, now, reason))
            case _:
                raise AssertionError(f"granted without an entry: {answer.grant}")

    def _record(self, record: MigrationRecord) -> str:
        self._chronicle.record(record)
        return record.id
