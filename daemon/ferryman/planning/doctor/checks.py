"""The words of an examination: what was checked on a host, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ferryman.planning.findings import Finding, Severity


class Subject(StrEnum):
    """What is checked."""

    SSH = "ssh"
    USER = "user"
    LIBVIRTD = "libvirtd"
    MACHINE = "machine"
    LIBVIRTD_TO_PEER = "libvirtd-to-peer"
    PORTS_TO_PEER = "ports-to-peer"
    CLOCK = "clock"
    BRIDGES = "bridges"
    NETWORKS = "networks"
    STP = "stp"
    POOLS = "pools"
    FOLDERS = "folders"
    VERSIONS = "versions"
    CPU = "cpu"
    MEMORY = "memory"
    POST_COPY = "post-copy"
    CERTIFICATES = "certificates"


class Status(StrEnum):
    """What came of a check."""

    OK = "ok"
    UNKNOWN = "unknown"
    """It could not be checked from here; `remedy` says how a person does."""
    WARNING = "warning"
    BLOCKER = "blocker"
    """Moves from or to this host are refused, or fail, until it is mended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One line of the examination."""

    host: str
    subject: Subject
    status: Status
    says: str
    remedy: str = ""
    """What mends it; empty where nothing is to be done."""


def ok(host: str, subject: Subject, says: str) -> Check:
    """Nothing to do."""
    return Check(host=host, subject=subject, status=Status.OK, says=says)


def unknown(host: str, subject: Subject, says: str, remedy: str) -> Check:
    """Not checked."""
    return Check(host=host, subject=subject, status=Status.UNKNOWN, says=says, remedy=remedy)


def warning(host: str, subject: Subject, says: str, remedy: str) -> Check:
    """Moves go on all the same."""
    return Check(host=host, subject=subject, status=Status.WARNING, says=says, remedy=remedy)


def blocker(host: str, subject: Subject, says: str, remedy: str) -> Check:
    """Moves are refused."""
    return Check(host=host, subject=subject, status=Status.BLOCKER, says=says, remedy=remedy)


def found(host: str, subject: Subject, finding: Finding, *, at_most: Severity = Severity.BLOCKER) -> Check:
    """What preflight would say of it; `at_most` a warning where only some moves are concerned."""
    blocks = finding.severity is Severity.BLOCKER and at_most is Severity.BLOCKER
    make = blocker if blocks else warning
    return make(host, subject, finding.reason, finding.remedy)
