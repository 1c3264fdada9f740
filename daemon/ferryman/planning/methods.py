"""Which method: what the spec says, or the least disruptive of what it allows that keeps its promise. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ferryman.fleet.values import DomainDetail, Power
from ferryman.planning.findings import Finding, FindingCode, Severity
from ferryman.planning.plans import Prediction, RejectedMethod
from ferryman.planning.preflight import matters
from ferryman.specs.choices import Method
from ferryman.specs.vm_spec import VmSpec

_LEAST_DISRUPTIVE_FIRST = (Method.LIVE, Method.POST_COPY, Method.PAUSED, Method.COLD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A method, why it was taken, and why others were not."""

    method: Method
    why: str
    rejected: tuple[RejectedMethod, ...] = ()
    predictions: tuple[Prediction, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NoChoice:
    """No method is allowed, possible and keeps the promise."""

    findings: tuple[Finding, ...]


def candidates(spec: VmSpec, vm: DomainDetail) -> tuple[Method, ...]:
    """The methods to predict, the least disruptive first; none for a VM that is off: its move interrupts nobody."""
    if vm.domain.power is Power.SHUT_OFF:
        return ()
    allowed = spec.allow if spec.method is Method.AUTO else (spec.method,)
    return tuple(method for method in _LEAST_DISRUPTIVE_FIRST if method in allowed)


def choose(
    spec: VmSpec,
    vm: DomainDetail,
    findings: Sequence[Finding],
    predictions: Mapping[Method, Prediction] | None = None,
) -> Choice | NoChoice:
    """The method of this move; `predictions` are those of `candidates`, None: nothing could be predicted.

    A VM that is off moves as it is, whatever the method. A running VM is powered off only where its own spec says
    `method = "cold"` or allows cold. A method that would break the spec's promise, by what was measured, is refused.
    """
    if vm.domain.power is Power.SHUT_OFF:
        blockers = _blockers(Method.COLD, findings)
        return NoChoice(findings=blockers) if blockers else Choice(method=Method.COLD, why="it is shut off")
    if predictions is None:
        predictions = {method: Prediction(method=method, basis="unknown") for method in candidates(spec, vm)}
    if spec.method is not Method.AUTO:
        return _named(spec, findings, predictions)
    return _automatic(spec, findings, predictions)


def _named(spec: VmSpec, findings: Sequence[Finding], predictions: Mapping[Method, Prediction]) -> Choice | NoChoice:
    prediction = predictions[spec.method]
    blockers = _blockers(spec.method, findings)
    if prediction.breaks(spec.max_downtime_ms):
        blockers = (*blockers, _breaks_promise(prediction, spec))
    if blockers:
        return NoChoice(findings=blockers)
    why = f'its spec says method = "{spec.method}"{_promise(prediction, spec)}'
    return Choice(method=spec.method, why=why, predictions=(prediction,))


def _automatic(
    spec: VmSpec, findings: Sequence[Finding], predictions: Mapping[Method, Prediction]
) -> Choice | NoChoice:
    against = {method: _blockers(method, findings) for method in predictions}
    possible = [prediction for method, prediction in predictions.items() if not against[method]]
    chosen = _least_disruptive(possible, spec)
    if chosen is None:
        blockers = [finding for method in predictions for finding in against[method]]
        broken = [_breaks_promise(prediction, spec) for prediction in possible]
        return NoChoice(findings=tuple(dict.fromkeys([*blockers, *broken])))
    why = f"{chosen.method} is the least disruptive method that its spec allows and that is possible"
    before = _LEAST_DISRUPTIVE_FIRST[: _LEAST_DISRUPTIVE_FIRST.index(chosen.method)]
    rejected = [
        RejectedMethod(method=method, reason=_against(predictions.get(method), against.get(method, ()), spec))
        for method in before
    ]
    return Choice(
        method=chosen.method,
        why=f"{why}{_promise(chosen, spec)}",
        rejected=tuple(rejected),
        predictions=tuple(possible),
    )


def _least_disruptive(possible: Sequence[Prediction], spec: VmSpec) -> Prediction | None:
    """The first that keeps the promise as far as is known.

    Where no method does, and only guesses say so, the first: a guess refuses nothing. But where one is refused by
    what was measured, no guess of worse is preferred to it: a VM is not powered off for having a live move refused.
    """
    promise = spec.max_downtime_ms
    for prediction in possible:
        if prediction.keeps(promise) and not prediction.breaks(promise):
            return prediction
    if any(prediction.breaks(promise) for prediction in possible):
        return None
    return possible[0] if possible else None


def _blockers(method: Method, findings: Sequence[Finding]) -> tuple[Finding, ...]:
    return tuple(finding for finding in findings if finding.severity is Severity.BLOCKER and matters(finding, method))


def _against(prediction: Prediction | None, blockers: Sequence[Finding], spec: VmSpec) -> str:
    if prediction is None:
        return "its spec does not allow it"
    return "; ".join(finding.reason for finding in blockers) or _breaks_promise(prediction, spec).reason


def _promise(prediction: Prediction, spec: VmSpec) -> str:
    """What is said of the promise where a method is taken; nothing where there is none."""
    if spec.max_downtime_ms is None:
        return ""
    if prediction.downtime_ms is None:
        return f"; its downtime cannot be predicted ({prediction.basis})"
    return f"; predicted downtime {prediction.downtime_ms:,.0f} ms of the {spec.max_downtime_ms:,} ms that it promises"


def _breaks_promise(prediction: Prediction, spec: VmSpec) -> Finding:
    longest = prediction.downtime_ms or prediction.least_ms or 0.0
    return Finding(
        code=FindingCode.PROMISE_BROKEN,
        severity=Severity.BLOCKER,
        reason=f"{prediction.method} would keep it down for {longest:,.0f} ms, and its spec promises "
        f"{spec.max_downtime_ms or 0:,} ms: {prediction.basis}",
        remedy=_REMEDIES[prediction.method],
    )


_REMEDIES = {
    Method.LIVE: 'Move it when it writes less; or its spec: allow = ["live", "post-copy"], or raise max_downtime_ms.',
    Method.POST_COPY: "Raise max_downtime_ms in its spec, or move it over a faster link.",
    Method.PAUSED: 'In its spec: allow = ["live", "post-copy"], or raise max_downtime_ms.',
    Method.COLD: 'In its spec: allow = ["live"], or raise max_downtime_ms.',
}
