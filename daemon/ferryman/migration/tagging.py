"""The VM's tag while it moves: it tells daemons that share hosts, and no state folder, whose move it is."""

from __future__ import annotations

from ferryman.fleet.errors import FleetError
from ferryman.fleet.hypervisor import Hypervisor
from ferryman.fleet.ownership import Claim, Owner, claim_of
from ferryman.migration.errors import MoveFailedError
from ferryman.migration.move import Move
from ferryman.records.audit.record import Outcome

RENEW_EVERY_NS = 60 * 1_000_000_000


def claim(move: Move) -> None:
    """Write the tag, at the move's start and now and then. Raises FleetError."""
    if move.me is None:
        return
    owner = Owner(id=move.me.id, by=move.me.by, move=move.entry.id, renewed_at=move.clock.now())
    move.ends.source.owner_tags.tag(move.entry.vm, owner)
    move.tagged_ns = move.clock.monotonic_ns()


def require_ours(move: Move) -> None:
    """Of two daemons that began at the same time the one goes on whose tag came last. Raises FleetError."""
    if move.me is None:
        return
    owner = move.ends.source.owner_tags.owner(move.entry.vm)
    if owner is not None and claim_of(owner, move.me, move.clock.now()) is Claim.AT_WORK:
        raise MoveFailedError(
            f"another daemon began to move {move.entry.vm} at the same time: {owner.by}", "Let one daemon move each VM."
        )


def claimed_by(move: Move) -> str:
    """Another daemon that is at work on the VM, by its tag at either end; empty: none is."""
    if move.me is None:
        return ""
    for host in (move.ends.source, move.ends.destination):
        try:
            owner = host.owner_tags.owner(move.entry.vm)
        except FleetError:
            return f"unknown: {host.name} does not tell"
        if owner is not None and claim_of(owner, move.me, move.clock.now()) is Claim.AT_WORK:
            return owner.by
    return ""


def renew(move: Move) -> None:
    """Keep the tag fresh in a long move. Failing that, it is tried again; under a migration job libvirt refuses."""
    if move.me is None or move.clock.monotonic_ns() - move.tagged_ns < RENEW_EVERY_NS:
        return
    move.tagged_ns = move.clock.monotonic_ns()
    try:
        claim(move)
    except FleetError:
        return  # the job is seen in its place


def release(move: Move, outcome: Outcome) -> None:
    """Take the tag away where the VM is now; one that stays is stale soon. A held move keeps it for a while."""
    if move.me is None or outcome is Outcome.HELD:
        return
    for host in _where(move, outcome):
        try:
            host.owner_tags.untag(move.entry.vm)
        except FleetError:
            move.warnings.append(f"{host.name} kept the tag of this move on {move.entry.vm}")


def _where(move: Move, outcome: Outcome) -> tuple[Hypervisor, ...]:
    return (move.ends.destination if outcome is Outcome.SUCCEEDED else move.ends.source,)
