"""What a VM's state says of it, and whether its promise was kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from record_samples import MEASURED, NOON, UNMEASURED, UUID

from ferryman.downtime.values import Measurement, MeasurementStatus
from ferryman.planning.decisions import Drifted, Refused, StallReason, UpToDate, Wait, WaitReason
from ferryman.planning.findings import Finding, FindingCode, Severity
from ferryman.planning.plans import Cause, Plan
from ferryman.records.audit.record import Verdict
from ferryman.records.audit.verdict import verdict
from ferryman.records.state.conditions import InFlight, Status, Suspended, conditions_for
from ferryman.records.state.states import ConditionType
from ferryman.specs.choices import Method

LATER = NOON + timedelta(minutes=5)
IN_PLACE = UpToDate(vm="guest-01", host="skopje")
PLAN = Plan(
    vm="guest-01",
    uuid=UUID,
    source="tallinn",
    destination="skopje",
    method=Method.LIVE,
    cause=Cause.SPEC,
    why="Its spec names skopje.",
    running=True,
    memory_mib=128,
)


def finding(reason: str, remedy: str, severity: Severity = Severity.BLOCKER) -> Finding:
    return Finding(code=FindingCode.POOL_MISSING, severity=severity, reason=reason, remedy=remedy)


def refused(*findings: Finding) -> Refused:
    return Refused(vm="guest-01", reason=StallReason.PREFLIGHT, findings=findings)


@pytest.mark.parametrize(
    ("status", "said", "reason"),
    [
        (IN_PLACE, ConditionType.READY, "InPlace"),
        (PLAN, ConditionType.RECONCILING, "MovePlanned"),
        (
            InFlight(vm="guest-01", source="tallinn", destination="skopje", method=Method.LIVE),
            ConditionType.RECONCILING,
            "Moving",
        ),
        (
            Wait(vm="guest-01", reason=WaitReason.LIMIT, message="One move at a time."),
            ConditionType.RECONCILING,
            "LimitReached",
        ),
        (refused(finding("No pool.", "Define it.")), ConditionType.STALLED, "PreflightFailed"),
        (Drifted(vm="guest-01", expected="skopje", found="oslo"), ConditionType.DRIFTED, "MovedElsewhere"),
        (Suspended(vm="guest-01"), ConditionType.SUSPENDED, "SuspendedBySpec"),
    ],
)
def test_each_status_says_one_thing(status: Status, said: ConditionType, reason: str) -> None:
    (condition,) = conditions_for(status, (), NOON)

    assert (condition.type, condition.reason, condition.since) == (said, reason, NOON)
    assert condition.message


def test_since_stays_while_the_reason_stays() -> None:
    before = conditions_for(IN_PLACE, (), NOON)

    assert conditions_for(IN_PLACE, before, LATER) == before


def test_a_new_message_for_the_same_reason_keeps_since() -> None:
    before = conditions_for(refused(finding("No pool.", "Define it.")), (), NOON)
    (condition,) = conditions_for(refused(finding("No bridge.", "Add it.")), before, LATER)

    assert (condition.message, condition.since) == ("No bridge.", NOON)


def test_another_reason_begins_anew() -> None:
    before = conditions_for(PLAN, (), NOON)
    moving = InFlight(vm="guest-01", source="tallinn", destination="skopje", method=Method.LIVE)

    assert conditions_for(moving, before, LATER)[0].since == LATER


def test_several_findings_are_told_apart_and_warnings_left_out() -> None:
    (condition,) = conditions_for(
        refused(
            finding("No pool vms.", "Define it."),
            finding("Older libvirt.", "Upgrade.", Severity.WARNING),
            finding("No bridge br0.", "Define it."),
        ),
        (),
        NOON,
    )

    assert condition.message == "(1) No pool vms. (2) No bridge br0."
    assert condition.remedy == "Define it."


def bounds(lower_ms: float | None, upper_ms: float | None) -> Measurement:
    return replace(MEASURED, downtime_lower_ms=lower_ms, downtime_upper_ms=upper_ms)


NOT_BACK = replace(bounds(800, None), status=MeasurementStatus.NOT_BACK)


@pytest.mark.parametrize(
    ("measurement", "promise_ms", "expected"),
    [
        (bounds(480, 500), 500, Verdict.MET),
        (bounds(501, 520), 500, Verdict.MISSED),
        (bounds(490, 510), 500, Verdict.UNKNOWN),
        (bounds(500, 510), 500, Verdict.UNKNOWN),
        (UNMEASURED, 500, Verdict.UNKNOWN),
        (NOT_BACK, 500, Verdict.MISSED),
        (NOT_BACK, 1000, Verdict.UNKNOWN),
        (bounds(480, 500), None, Verdict.NONE),
        (bounds(0, 10), 0, Verdict.UNKNOWN),
    ],
)
def test_a_verdict_needs_the_whole_interval_on_one_side(
    measurement: Measurement, promise_ms: int | None, expected: Verdict
) -> None:
    assert verdict(measurement, promise_ms) is expected
