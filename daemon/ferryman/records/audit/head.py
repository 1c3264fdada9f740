"""The head of an audit record: the few values that lists, filters and reports of thousands of records need."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ferryman.downtime.values import Downtime
from ferryman.planning.causes import Cause
from ferryman.records.utc import UtcTime
from ferryman.specs.choices import Method


class Outcome(StrEnum):
    """How an attempt ended. One terminal outcome per attempt."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    """The VM is where it was, as it was."""
    CANCELLED = "cancelled"
    HELD = "held"
    """A person must decide; nothing more is done to this VM."""


class Verdict(StrEnum):
    """Whether the promise `max_downtime_ms` was kept."""

    MET = "met"
    MISSED = "missed"
    UNKNOWN = "unknown"
    """There was a promise and no measurement, or its bounds lie on both sides of the promise."""
    NONE = "none"
    """The spec promises nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CauseRecord:
    """The chain back to the commit."""

    kind: Cause
    revision: str
    author: str = ""
    subject: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """What went over the wire, as the hypervisor counted it."""

    memory_bytes: int = 0
    disk_bytes: int = 0
    """Where their copy was over before anybody looked: what they take up at the destination."""
    memory_bytes_s: int | None = None
    """How fast memory was sent, over all passes."""
    memory_iterations: int = 0
    setup_ms: int | None = None
    total_ms: int | None = None
    hypervisor_downtime_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordHead:
    """What an audit record is listed, chosen and summed up by."""

    id: str
    vm: str
    source: str
    destination: str
    method: Method
    post_copy: bool = False
    """It was switched to post-copy: the guest ran at the destination before all of its memory was there."""
    cause: CauseRecord
    started_at: UtcTime
    outcome: Outcome
    reason: str = ""
    """Why it did not succeed."""
    remedy: str = ""
    total_ms: float
    """From the attempt's start until the VM was verified at the destination (or the failure was undone)."""
    verdict: Verdict = Verdict.NONE
    max_downtime_ms: int | None = None
    measurement: Downtime
    recovered: bool = False
    """The attempt was interrupted and taken up again: the daemon was restarted, or a host had been silent.
    Its downtime is in no statistics."""
    transfer: Transfer = Transfer()
    prediction_error_ms: float | None = None
    """Measured less predicted downtime; above 0: it was down for longer. None: one of the two is unknown."""
