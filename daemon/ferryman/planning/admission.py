"""Which of the planned moves may begin now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ferryman.planning.decisions import Plan, Wait, WaitReason
from ferryman.specs.models import FleetLimits, HostSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A move under way: all that limits count."""

    vm: str
    source: str
    destination: str


def admit(
    plans: Sequence[Plan], under_way: Iterable[Way], hosts: Mapping[str, HostSpec], limits: FleetLimits
) -> tuple[tuple[Plan, ...], tuple[Wait, ...]]:
    """The plans that may begin, and the waits of the others.

    High priority first, then by name, so that the order is the same each time it is asked for.
    """
    ways = list(under_way)
    outgoing = Counter(way.source for way in ways)
    incoming = Counter(way.destination for way in ways)
    total = len(ways)
    admitted: list[Plan] = []
    waiting: list[Wait] = []
    for plan in in_order(plans):
        full = _full(plan, outgoing, incoming, total, hosts, limits)
        if full is None:
            admitted.append(plan)
            outgoing[plan.source] += 1
            incoming[plan.destination] += 1
            total += 1
        else:
            message = f"{plan.source} -> {plan.destination} ({plan.method}): {plan.why}; waits: {full}"
            waiting.append(Wait(vm=plan.vm, reason=WaitReason.LIMIT, message=message))
    return tuple(admitted), tuple(waiting)


def in_order(plans: Iterable[Plan]) -> list[Plan]:
    """The order in which plans begin."""
    return sorted(plans, key=lambda plan: (-plan.priority, plan.vm))


def _full(
    plan: Plan,
    outgoing: Counter[str],
    incoming: Counter[str],
    total: int,
    hosts: Mapping[str, HostSpec],
    limits: FleetLimits,
) -> str | None:
    source, destination = hosts[plan.source].limits, hosts[plan.destination].limits
    if outgoing[plan.source] >= source.outgoing:
        return f"{plan.source} sends {outgoing[plan.source]} already ([limits] outgoing = {source.outgoing})"
    if incoming[plan.destination] >= destination.incoming:
        count = incoming[plan.destination]
        return f"{plan.destination} receives {count} already ([limits] incoming = {destination.incoming})"
    if total >= limits.migrations:
        return f"{total} moves are under way in the fleet ([limits] migrations = {limits.migrations})"
    return None
