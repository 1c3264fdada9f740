"""An attempt's timeline, from what was noted on the way, what the hosts told, and what the probe saw. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ferryman.downtime.values import Outage
from ferryman.fleet.lifecycle import LifecycleEvent
from ferryman.records.audit.timeline import Mark, TimelineEntry

_NS_PER_MS = 1_000_000
MOST = 200
"""Entries kept: of a move that goes on for days, its beginning and its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """Something that the daemon did itself."""

    at_ns: int
    mark: Mark
    host: str = ""
    detail: str = ""


def timeline(
    started_ns: int, noted: Iterable[Noted], told: Mapping[str, Sequence[LifecycleEvent]], outage: Outage | None
) -> tuple[TimelineEntry, ...]:
    """Everything in the order of time; `told` is by host."""
    happened = [*noted, *_from_hosts(told), *(_from_probe(outage) if outage else ())]
    entries = [
        TimelineEntry(
            at_ms=round((one.at_ns - started_ns) / _NS_PER_MS, 3), mark=one.mark, host=one.host, detail=one.detail
        )
        for one in sorted(happened, key=lambda one: one.at_ns)
    ]
    if len(entries) > MOST:
        entries = [*entries[: MOST // 2], *entries[-MOST // 2 :]]
    return tuple(entries)


def _from_hosts(told: Mapping[str, Sequence[LifecycleEvent]]) -> Iterator[Noted]:
    for host, events in told.items():
        for event in events:
            yield Noted(at_ns=event.at_ns, mark=Mark(event.change.value), host=host, detail=event.why)


def _from_probe(outage: Outage) -> Iterator[Noted]:
    seen = {
        Mark.LAST_ANSWERED: outage.last_answered_ns,
        Mark.FIRST_LOST: outage.first_lost_ns,
        Mark.LAST_LOST: outage.last_lost_ns,
        Mark.ANSWERED: outage.up_by_ns,
    }
    for mark, at_ns in seen.items():
        if at_ns is not None:
            yield Noted(at_ns=at_ns, mark=mark)
