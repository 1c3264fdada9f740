"""What is said of a VM in its state, from what was decided about it. Pure: the time is an argument."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import assert_never

from ferryman.planning.decisions import Decision, Drifted, Refused, UpToDate, Wait
from ferryman.planning.findings import Finding, Severity
from ferryman.planning.plans import Plan
from ferryman.records.state.states import Condition, ConditionType
from ferryman.specs.choices import Method


class ConditionReason(StrEnum):
    """The reasons that no decision carries itself."""

    IN_PLACE = "InPlace"
    MOVE_PLANNED = "MovePlanned"
    MOVING = "Moving"
    MOVED_ELSEWHERE = "MovedElsewhere"
    SUSPENDED = "SuspendedBySpec"
    SERVICE_SILENT = "ServiceSilent"


@dataclass(frozen=True, slots=True, kw_only=True)
class InFlight:
    """An attempt is under way."""

    vm: str
    source: str
    destination: str
    method: Method
    why: str = ""
    revision: str = ""
    """Of the specs that it was begun for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspended:
    """The VM's spec says `suspend = true`."""

    vm: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSilent:
    """The VM moved to where its spec wants it and runs there, and its service has not answered since."""

    vm: str
    address: str
    port: int


Status = Decision | InFlight | Suspended | ServiceSilent


def conditions_for(status: Status, previous: Sequence[Condition], now: datetime) -> tuple[Condition, ...]:
    """What holds of the VM now; a condition that held before for the same reason keeps its `since`."""
    said = _condition(status, now)
    for before in previous:
        if (before.type, before.reason) == (said.type, said.reason):
            return (replace(said, since=before.since),)
    return (said,)


def joined(sentences: Sequence[str]) -> str:
    """Several reasons or remedies as one text: numbered where there is more than one, each said once.

    >>> joined(["Pool vms is missing.", "Bridge br0 is missing."])
    '(1) Pool vms is missing. (2) Bridge br0 is missing.'
    """
    different = list(dict.fromkeys(sentence.strip() for sentence in sentences if sentence.strip()))
    if len(different) <= 1:
        return "".join(different)
    return " ".join(f"({number}) {sentence}" for number, sentence in enumerate(different, start=1))


def _condition(status: Status, now: datetime) -> Condition:
    match status:
        case UpToDate():
            return _up_to_date(status, now)
        case Plan():
            return _planned(status, now)
        case InFlight():
            return _moving(status, now)
        case Wait():
            return Condition(
                type=ConditionType.RECONCILING,
                reason=status.reason.value,
                message=status.message,
                remedy=status.remedy,
                since=now,
            )
        case Refused():
            return _stalled(status, now)
        case Drifted():
            return _drifted(status, now)
        case Suspended():
            return _suspended(status, now)
        case ServiceSilent():
            return _silent(status, now)
        case _:
            assert_never(status)


def _up_to_date(status: UpToDate, now: datetime) -> Condition:
    return Condition(
        type=ConditionType.READY,
        reason=ConditionReason.IN_PLACE,
        message=status.message or f"{status.vm} is on {status.host}.",
        since=now,
    )


def _planned(plan: Plan, now: datetime) -> Condition:
    return Condition(
        type=ConditionType.RECONCILING,
        reason=ConditionReason.MOVE_PLANNED,
        message=f"{plan.vm} is to move {plan.source} -> {plan.destination} ({plan.method}): {plan.why}",
        since=now,
    )


def _moving(move: InFlight, now: datetime) -> Condition:
    way = f"{move.vm} moves {move.source} -> {move.destination} ({move.method})"
    return Condition(
        type=ConditionType.RECONCILING,
        reason=ConditionReason.MOVING,
        message=f"{way}: {move.why}" if move.why else f"{way}.",
        since=now,
    )


def _stalled(refused: Refused, now: datetime) -> Condition:
    findings = _blockers_or_all(refused.findings)
    return Condition(
        type=ConditionType.STALLED,
        reason=refused.reason.value,
        message=joined([finding.reason for finding in findings]) or f"{refused.vm} does not move.",
        remedy=joined([finding.remedy for finding in findings]),
        since=now,
    )


def _blockers_or_all(findings: Sequence[Finding]) -> Sequence[Finding]:
    """Warnings do not hold a VM back, so they are left out where something else does."""
    return [finding for finding in findings if finding.severity is Severity.BLOCKER] or findings


def _drifted(drifted: Drifted, now: datetime) -> Condition:
    return Condition(
        type=ConditionType.DRIFTED,
        reason=ConditionReason.MOVED_ELSEWHERE,
        message=f"{drifted.vm} was on {drifted.expected} and is on {drifted.found}: someone else moved it.",
        remedy=(
            f'Commit host = "{drifted.found}" to accept that, or drift = "correct" to have it moved back, '
            "or move it back yourself."
        ),
        since=now,
    )


def _suspended(suspended: Suspended, now: datetime) -> Condition:
    return Condition(
        type=ConditionType.SUSPENDED,
        reason=ConditionReason.SUSPENDED,
        message=f"{suspended.vm} is observed and not moved.",
        remedy="Commit suspend = false to have it reconciled again.",
        since=now,
    )


def _silent(silent: ServiceSilent, now: datetime) -> Condition:
    return Condition(
        type=ConditionType.STALLED,
        reason=ConditionReason.SERVICE_SILENT,
        message=f"{silent.vm} has moved and runs, but its service at {silent.address} port {silent.port} has not "
        "answered since.",
        remedy=(
            "Look at its console (virsh console), and whether [probe] address and port are right; "
            "it is called ready as soon as its service answers."
        ),
        since=now,
    )
