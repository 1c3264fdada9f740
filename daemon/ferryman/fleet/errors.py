"""What the fleet's adapters raise; libvirt's and paramiko's own exceptions stop there."""

from __future__ import annotations

from enum import StrEnum


class FleetError(Exception):
    """Something on a host did not work.

    `reason` says what, `remedy` what a person can do about it.
    """

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.remedy = remedy


class HostUnreachableError(FleetError):
    """The host cannot be talked to now. Nothing is known of its VMs; tried again by itself."""


class HostRestingError(HostUnreachableError):
    """The host failed again and again: until it answers it is called only now and then, and this time perhaps not."""


class HostHangsError(HostUnreachableError):
    """The host was waited for until a deadline, and it is a waste to wait for it again at once."""


class FailureKind(StrEnum):
    """What the caller may conclude from a failed operation."""

    NOT_FOUND = "not-found"
    """The host answered: there is no such domain, pool or volume."""
    EXISTS = "exists"
    """The host answered: the name is taken."""
    BUSY = "busy"
    """Another job holds the domain or volume; tried again later."""
    ABORTED = "aborted"
    """The operation was cancelled, by us or by a person."""
    PEER_UNREACHED = "peer-unreached"
    """The source's libvirtd could not log in at the destination's, or lost its connection there."""
    OTHER = "other"


class OperationFailedError(FleetError):
    """The host answered and refused, or failed in doing it."""

    def __init__(self, kind: FailureKind, reason: str, remedy: str) -> None:
        super().__init__(reason, remedy)
        self.kind = kind
