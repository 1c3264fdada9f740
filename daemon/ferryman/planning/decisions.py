"""What can be decided about a VM: a plan, or why there is none. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ferryman.planning.findings import Finding
from ferryman.planning.plans import Cause, Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class UpToDate:
    """The VM is where it should be."""

    vm: str
    host: str
    message: str = ""


class WaitReason(StrEnum):
    """Why nothing is decided or begun yet; it resolves by itself."""

    HOST_UNREACHABLE = "HostUnreachable"
    MIGRATING_ELSEWHERE = "ForeignMigration"
    LIMIT = "LimitReached"
    RETRY = "RetryBackoff"
    CHANGING = "PowerChanging"
    OBSERVING = "ObservingOnly"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Nothing to do now; looked at again at the next wake-up."""

    vm: str
    reason: WaitReason
    message: str
    remedy: str = ""


class StallReason(StrEnum):
    """Why a VM cannot go on until a person acts."""

    NOT_FOUND = "VmNotFound"
    ON_TWO_HOSTS = "OnTwoHosts"
    RUNNING_TWICE = "RunningTwice"
    INVALID_SPEC = "InvalidSpec"
    PREFLIGHT = "PreflightFailed"
    NO_PLACE = "NoPlace"
    PROMISE = "PromiseWouldBreak"
    HELD = "HeldForPerson"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Nothing moves; each finding says why and what mends it."""

    vm: str
    reason: StallReason
    findings: tuple[Finding, ...]
    destination: str = ""
    cause: Cause | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Drifted:
    """Somebody else moved the VM; its spec says to report that."""

    vm: str
    expected: str
    found: str


Decision = UpToDate | Wait | Refused | Drifted | Plan
