"""Decisions that need no plan: a VM is left alone for now, or until its spec is mended. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ferryman.fleet.ownership import FRESH_FOR, NAMESPACE, Owner
from ferryman.planning.decisions import Refused, StallReason, Wait, WaitReason
from ferryman.planning.findings import Finding, FindingCode, Severity
from ferryman.specs.problems import Problem


def moved_by_another(vm: str, owner: Owner) -> Wait:
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
