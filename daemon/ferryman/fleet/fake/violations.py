"""What must never happen to a fleet, noticed in the moment in which it does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence


class Violations:
    """The broken invariants of a fake fleet; empty after every sound test."""

    def __init__(
        self, running: Callable[[], Mapping[str, Sequence[str]]], volumes_in_use: Callable[[], Iterable[object]]
    ) -> None:
        """`running`: VM -> the hosts on which it runs now. `volumes_in_use`: what some QEMU holds open."""
        self.found: list[str] = []
        self._running = running
        self._volumes_in_use = volumes_in_use

    def look(self) -> None:
        """Something may have changed."""
        self.found += [f"{vm} runs on {' and '.join(hosts)}" for vm, hosts in self._running().items() if len(hosts) > 1]

    def deleting(self, volume: object) -> None:
        """A volume is about to be deleted."""
        if any(used is volume for used in self._volumes_in_use()):
            self.found.append("a volume in use was deleted")

    def destroying_running(self, vm: str) -> None:
        """A running guest is powered off without being asked."""
        self.found.append(f"{vm} was destroyed while it ran")
