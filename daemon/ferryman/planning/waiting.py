"""Decisions that need no plan: a VM is left alone for now, or until its spec is mended. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import assert_never

from ferryman.fleet.ownership import FRESH_FOR, NAMESPACE, Claim, Owner
from ferryman.fleet.values import DomainDetail, Power
from ferryman.planning.decisions import Refused, StallReason, Wait, WaitReason
from ferryman.planning.findings import Finding, FindingCode, Severity
from ferryman.specs.problems import Problem


def of_another(found: DomainDetail, host: str, claim: Claim) -> Wait | Refused | None:
    """How another daemon's move stands in the way of the VM found on this host; None: it does not, or no more."""
    vm, owner = found.domain.name, found.owner
    if owner is None:
        return None
    match claim:
        case Claim.NONE:
            return None
        case Claim.AT_WORK:
            return _moved_by(vm, owner)
        case Claim.LEFT:
            return _left_off(vm, host, owner) if found.domain.power is Power.SHUT_OFF else None
        case _:
            assert_never(claim)


def _left_off(vm: str, host: str, owner: Owner) -> Refused:
    """It was shut off in order to be moved, or was off before: who is gone knows. Moved now, it would stay off."""
    finding = Finding(
        code=FindingCode.HELD,
        severity=Severity.BLOCKER,
        reason=f"it is off on {host} in the middle of another daemon's move, seen last at "
        f"{owner.renewed_at:%Y-%m-%d %H:%M:%S} UTC: {owner.by}",
        remedy=f"Start that daemon again: it ends its move. If it is gone for good, on {host}: virsh start {vm}; "
        f"or, if it is to stay off: virsh metadata {vm} --uri {NAMESPACE} --config --remove",
    )
    return Refused(vm=vm, reason=StallReason.HELD, findings=(finding,))


def _moved_by(vm: str, owner: Owner) -> Wait:
    """Who moves it, since when, and when this daemon goes on."""
    minutes = int(FRESH_FOR.total_seconds() // 60)
    return Wait(
        vm=vm,
        reason=WaitReason.MIGRATING_ELSEWHERE,
        message=f"another daemon moves it, seen at {owner.renewed_at:%Y-%m-%d %H:%M:%S} UTC: {owner.by}",
        remedy=(
            f"Let one daemon move each VM. If that one is gone, this one takes over when its tag is {minutes} minutes "
            f"old, or at once after: virsh metadata {vm} --uri {NAMESPACE} --live --config --remove"
        ),
    )


def powered_off_late(vm: str, host: str) -> Wait:
    """It is off because a move that was given up had asked it to. Moved as it is now, it would not be started there."""
    return Wait(
        vm=vm,
        reason=WaitReason.CHANGING,
        message=f"it is off on {host}, most likely because its last move had asked it to power itself off; that move "
        "was given up before it did, and it is started again first",
        remedy=f"The daemon starts it at its next look. To have it stay off: virsh shutdown {vm} on {host} after that.",
    )


def not_now(vm: str, silent: Sequence[str]) -> Wait:
    """These hosts have just not answered about another VM."""
    return Wait(
        vm=vm,
        reason=WaitReason.HOST_UNREACHABLE,
        message=f"{' and '.join(silent)} did not answer in this look",
        remedy="It is looked at again.",
    )


def observing_only(vm: str, reason: str, remedy: str) -> Wait:
    """It is to move or half moved, and that is another daemon's to do."""
    return Wait(vm=vm, reason=WaitReason.OBSERVING, message=f"this daemon observes only: {reason}", remedy=remedy)


def invalid(vm: str, problems: Collection[Problem]) -> Refused:
    """Nothing moves until the spec is mended; what it said last still counts for other VMs' placement."""
    return Refused(
        vm=vm,
        reason=StallReason.INVALID_SPEC,
        findings=tuple(
            Finding(
                code=FindingCode.SPEC_INVALID,
                severity=Severity.BLOCKER,
                reason=f"{problem.place}: {problem.message}",
                remedy=problem.remedy,
            )
            for problem in problems
        ),
    )
