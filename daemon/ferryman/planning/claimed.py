"""A VM that another daemon moves is left to it. Pure."""

from __future__ import annotations

from ferryman.fleet.ownership import FRESH_FOR, NAMESPACE, Owner
from ferryman.planning.decisions import Wait, WaitReason


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
