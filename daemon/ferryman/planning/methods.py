"""Which method: what the spec says, or the least disruptive of what it allows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ferryman.fleet.values import DomainDetail, Power
from ferryman.planning.decisions import Finding, FindingCode, RejectedMethod, Severity
from ferryman.planning.preflight import matters
from ferryman.specs.models import Method, VmSpec

_LEAST_DISRUPTIVE_FIRST = (Method.LIVE, Method.POST_COPY, Method.PAUSED, Method.COLD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A method, why it was taken, and why others were not."""

    method: Method
    why: str
    rejected: tuple[RejectedMethod, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NoChoice:
    """No method is allowed and possible."""

    findings: tuple[Finding, ...]


def choose(spec: VmSpec, vm: DomainDetail, findings: Sequence[Finding]) -> Choice | NoChoice:
    """The method of this move.

    A VM that is off moves as it is, whatever the method: nobody is interrupted. A running VM is powered off only
    where its own spec says `method = "cold"` or allows cold.
    """
    if vm.domain.power is Power.SHUT_OFF:
        blockers = _blockers(Method.COLD, findings)
        return NoChoice(findings=blockers) if blockers else Choice(method=Method.COLD, why="it is shut off")
    if spec.method is not Method.AUTO:
        blockers = _blockers(spec.method, findings)
        why = f'its spec says method = "{spec.method}"'
        return NoChoice(findings=blockers) if blockers else Choice(method=spec.method, why=why)
    return _automatic(spec, findings)


def _automatic(spec: VmSpec, findings: Sequence[Finding]) -> Choice | NoChoice:
    rejected: list[RejectedMethod] = []
    seen: dict[Finding, None] = {}
    for method in _LEAST_DISRUPTIVE_FIRST:
        if method not in spec.allow:
            rejected.append(RejectedMethod(method=method, reason="its spec does not allow it"))
            continue
        blockers = _blockers(method, findings)
        if not blockers:
            why = f"{method} is the least disruptive method that its spec allows and that is possible"
            return Choice(method=method, why=why, rejected=tuple(rejected))
        seen |= dict.fromkeys(blockers)
        rejected.append(RejectedMethod(method=method, reason="; ".join(finding.reason for finding in blockers)))
    return NoChoice(findings=tuple(seen) or (_nothing_allowed(),))


def _blockers(method: Method, findings: Sequence[Finding]) -> tuple[Finding, ...]:
    return tuple(finding for finding in findings if finding.severity is Severity.BLOCKER and matters(finding, method))


def _nothing_allowed() -> Finding:
    return Finding(
        code=FindingCode.METHOD_NOT_ALLOWED,
        severity=Severity.BLOCKER,
        reason="its spec allows no method",
        remedy='Name at least one: allow = ["live"]',
    )
