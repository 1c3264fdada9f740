"""The daemon's log: one line per event, each problem said once until it changes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TextIO

from ferryman import __version__
from ferryman.cli import lines
from ferryman.cli.words import downtime
from ferryman.planning.plans import Plan
from ferryman.records.audit.record import MigrationRecord, Outcome
from ferryman.records.journal.entry import JournalEntry
from ferryman.records.requests import Request
from ferryman.records.state.states import Condition, ConditionType, HostState
from ferryman.service import ServiceManager
from ferryman.specs.loading import Specs
from ferryman.specs.problems import Problem


def _local_time() -> datetime:
    return datetime.now().astimezone()


class LogEvents:
    """`Events` as lines on a stream, for a terminal or the journal."""

    def __init__(self, stream: TextIO, service: ServiceManager, now: Callable[[], datetime] = _local_time) -> None:
        self._stream = stream
        self._now = now
        self._date: date | None = None
        """Of the last line."""
        self._service = service
        self._problems: tuple[Problem, ...] = ()
        self._troubles: set[str] = set()
        """Of this look."""
        self._told: set[str] = set()
        """Of the look before it."""

    @property
    def troubled(self) -> bool:
        """Something was wrong with the specs or the state folder at the last look."""
        return bool(self._problems or self._troubles)

    def started(self, specs: Path, state: Path, in_force: Specs | None) -> None:
        """The daemon begins."""
        what = f"specs {specs}, state {state}"
        if in_force is None:
            self._line(f"ferryman {__version__} started: {what}; no specs are in force yet")
            return
        hosts = ", ".join(sorted(in_force.hosts))
        self._line(f"ferryman {__version__} started: {what}, revision {in_force.revision.short}, hosts {hosts}")

    def standing_by(self, reason: str) -> None:
        """Another daemon writes to the state folder: this one moves nothing."""
        self._line(f"observing only: {reason}", "Nothing to do: ferryman takes over when that one is gone.")

    def taking_over(self) -> None:
        """The other daemon is gone."""
        self._line("the state folder is free: taking over")

    def stopped(self, moving: Collection[str]) -> None:
        """The daemon ends, with these VMs' moves still under way."""
        rest = f"; still moving, taken up at the next start: {', '.join(sorted(moving))}" if moving else ""
        self._line(f"ferryman stopped{rest}")

    def problems(self, problems: Sequence[Problem]) -> None:
        """What is wrong with the specs now. A new look begins with this: a trouble that lasts is told in it again."""
        self._told, self._troubles = self._troubles, set()
        new = [problem for problem in problems if problem not in self._problems]
        if self._problems and not problems:
            self._line("specs: all problems are mended")
        self._problems = tuple(problems)
        for problem in new:
            self._line(f"specs: {problem.place or 'source'}: {problem.message}", problem.remedy)

    def begun(self, plan: Plan) -> None:
        """A move begins."""
        self._line(f"{plan.vm}: moves {plan.source} -> {plan.destination} ({plan.method}): {plan.why}")
        for warning in plan.warnings:
            self._line(f"{plan.vm}: warning: {warning.reason}", warning.remedy)
        self._service.status(f"moving {plan.vm} to {plan.destination}")

    def taken_up(self, entry: JournalEntry) -> None:
        """A move that was interrupted is brought to its end."""
        self._line(f"{entry.vm}: takes up the move {entry.source} -> {entry.destination} that was under way")

    def answered(self, request: Request) -> None:
        """A person asked about an open or held move, and got an answer."""
        said = "granted" if request.granted else "refused"
        self._line(f"{request.vm}: {request.asked_by} asked to {request.wish}: {said}: {request.answer}")

    def ended(self, record: MigrationRecord) -> None:
        """A move ended."""
        way = f"{record.source} -> {record.destination}"
        if record.outcome is Outcome.SUCCEEDED:
            took = f"in {record.total_ms / 1000:.1f} s"
            text = f"{record.vm}: moved {way} ({record.method}) {took}, {downtime(record.measurement)}"
            self._line(text, record.remedy)
        else:
            self._line(f"{record.vm}: {way} {record.outcome}: {record.reason}", record.remedy)
        self._service.status("reconciling")

    def condition(self, vm: str, condition: Condition) -> None:
        """What is said of a VM changed."""
        if condition.type is not ConditionType.RECONCILING or condition.reason == "RetryBackoff":
            self._line(f"{vm}: {condition.type} ({condition.reason}) {condition.message}".rstrip(), condition.remedy)

    def host(self, state: HostState) -> None:
        """What is said of a host changed."""
        if not state.reachable:
            self._line(f"{state.name}: unreachable: {state.reason}", state.remedy)
        elif state.drained:
            self._line(f"{state.name}: drained; it can be taken down")
        elif state.maintenance:
            self._line(f"{state.name}: in maintenance; still there: {', '.join(state.remaining) or 'moves under way'}")

    def trouble(self, reason: str, remedy: str) -> None:
        """The daemon cannot do its work as it should."""
        if reason not in self._troubles | self._told:
            self._line(reason, remedy)
        self._troubles.add(reason)

    def bug(self, vm: str, bug: BaseException) -> None:
        """A move died of a fault of ferryman's own."""
        self._line(
            f"{vm}: ferryman failed: {bug!r}", f"Report this. To have its move taken up: ferryman recover {vm} --accept"
        )

    def _line(self, text: str, remedy: str = "") -> None:
        now = self._now()
        # The date is said where it changes: the service manager's journal has it anyway.
        time = now.strftime("%H:%M:%S" if now.date() == self._date else "%Y-%m-%d %H:%M:%S")
        self._date = now.date()
        lines.write(self._stream, f"{time} {text}\n" + (f"         remedy: {remedy}\n" if remedy else ""))
