"""Why a move does not go on."""

from __future__ import annotations

from ferryman.fleet.errors import FleetError


class MoveFailedError(FleetError):
    """The move did not go through for a reason of its own, not of a host's call."""


class StoppedError(MoveFailedError):
    """The daemon is stopping and the move can be taken back: it is."""


def stopped(vm: str) -> StoppedError:
    """The daemon is stopping while the VM can still be brought back."""
    return StoppedError(f"the daemon was stopped while {vm} could still be brought back", "Start ferryman again.")


class LeftRunningError(MoveFailedError):
    """The daemon is stopping and the hypervisor's migration goes on by itself: it is adopted at the next start."""


class UnwrittenError(MoveFailedError):
    """The journal takes no entry, so the step must not be taken. It may as soon as the journal does."""
