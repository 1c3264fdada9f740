"""The lifecycle events of a fake host: whatever differs from the last look."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

from ferryman.fleet.lifecycle import GuestEvent, LifecycleEvent, LifecycleLog
from ferryman.fleet.values import Domain, MigrationSide, Power

_ON = frozenset({Power.RUNNING, Power.PAUSED, Power.SHUTTING_DOWN})


class FakeLifecycle:
    """Tells what became of a host's guests between two looks at them."""

    def __init__(self) -> None:
        self.log = LifecycleLog()
        self._before: Mapping[str, Domain] = {}

    def know(self, domains: Iterable[Domain]) -> None:
        """They are so; nothing is told of how they came to be."""
        self._before = {domain.uuid: domain for domain in domains}

    def look(self, domains: Iterable[Domain]) -> None:
        """Note what changed since the last look."""
        before = self._before
        self.know(domains)
        for uuid in dict.fromkeys((*before, *self._before)):
            change = _change(before.get(uuid), self._before.get(uuid))
            if change is not None:
                self.log.note(LifecycleEvent(uuid=uuid, change=change, at_ns=time.monotonic_ns()))


def _change(before: Domain | None, now: Domain | None) -> GuestEvent | None:
    was = before.power if before and before.power in _ON else None
    power = now.power if now and now.power in _ON else None
    if was is power or power is Power.SHUTTING_DOWN:
        return None
    if power is None:
        return GuestEvent.STOPPED
    if power is Power.PAUSED:
        incoming = now is not None and now.migration_side is MigrationSide.INCOMING
        return GuestEvent.INCOMING if incoming else GuestEvent.SUSPENDED
    return GuestEvent.STARTED if was is None else GuestEvent.RESUMED
