"""How fast guests write: measured beforehand, in the background, so that no move waits for it.

A measurement takes five seconds, and a commit's move is to begin within half of one. So guests whose downtime somebody
relies on are watched now and then while nothing of them or their host moves. What fails is only not known.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from ferryman.fleet.errors import FleetError
from ferryman.fleet.hypervisor import Hypervisor
from ferryman.fleet.migrating import JobPhase
from ferryman.fleet.values import DirtyRate, Power, Snapshot
from ferryman.migration.clock import Clock
from ferryman.planning.prediction import DirtyRateUnknown
from ferryman.specs.loading import Specs

REFRESH_S = 300.0
"""A measurement that is older is made again."""
_NS_PER_S = 1_000_000_000
_STOP_PATIENCE_S = 12.0
"""For the measurement under way."""
_NOT_YET = DirtyRateUnknown(reason="it has not been measured yet")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A running VM that is to be watched, and where."""

    vm: str
    host: Hypervisor


Keep = Callable[[str, DirtyRate], None]
"""Told each VM's measurement, from any thread."""


class DirtyRates:
    """What is known. One measurement at a time in the whole fleet; safe from several threads."""

    def __init__(self, clock: Clock, keep: Keep, known: Mapping[str, DirtyRate] | None = None) -> None:
        """`known`: measured a moment ago by somebody else."""
        self._clock = clock
        self._keep = keep
        self._rates: dict[str, DirtyRate | DirtyRateUnknown] = dict(known or {})
        self._tried_at_ns: dict[str, int] = {}
        self._wishes: Mapping[str, Wish] = {}
        self._news = threading.Condition()
        self._stopping = False
        self._thread: threading.Thread | None = None

    def known(self, vm: str, _host: Hypervisor) -> DirtyRate | DirtyRateUnknown:
        """What was measured last; returns at once."""
        with self._news:
            return self._rates.get(vm, _NOT_YET)

    def is_known(self, vm: str) -> bool:
        """Whether `measured` returns at once."""
        with self._news:
            return vm in self._rates

    def measured(self, vm: str, host: Hypervisor) -> DirtyRate | DirtyRateUnknown:
        """What was measured last, or else what is now: takes some seconds."""
        return self.known(vm, host) if self.is_known(vm) else self._measure(Wish(vm=vm, host=host))

    def want(self, wishes: Sequence[Wish]) -> None:
        """Watch these VMs from now on, and no others; returns at once."""
        with self._news:
            self._wishes = {wish.vm: wish for wish in wishes}
            self._news.notify()
            if self._due() is not None and (self._thread is None or not self._thread.is_alive()):
                self._thread = threading.Thread(target=self._run, name="dirty rates", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Begin no more measurements, and wait for the one under way."""
        with self._news:
            self._stopping = True
            self._news.notify()
        if self._thread is not None:
            self._thread.join(_STOP_PATIENCE_S)

    def _run(self) -> None:
        while (wish := self._next()) is not None:
            self._measure(wish)

    def _next(self) -> Wish | None:
        """The next VM to watch; waits for one. None: the daemon stops."""
        with self._news:
            self._news.wait_for(lambda: self._stopping or self._due() is not None)
            return None if self._stopping else self._due()

    def _due(self) -> Wish | None:
        oldest_ns = self._clock.monotonic_ns() - int(REFRESH_S * _NS_PER_S)
        due = (wish for vm, wish in self._wishes.items() if self._tried_at_ns.get(vm, oldest_ns) <= oldest_ns)
        return next(due, None)

    def _measure(self, wish: Wish) -> DirtyRate | DirtyRateUnknown:
        with self._news:
            self._tried_at_ns[wish.vm] = self._clock.monotonic_ns()  # whatever comes of it, then it is another's turn
        rate = watch(wish)
        with self._news:
            self._rates[wish.vm] = rate
        if isinstance(rate, DirtyRate):
            self._keep(wish.vm, rate)
        return rate


def to_watch(
    specs: Specs, snapshot: Snapshot, busy: Collection[str], hypervisor: Callable[[str], Hypervisor]
) -> list[Wish]:
    """The running VMs that a promise is made for, on hosts that no move leaves or reaches (`busy` are the others)."""
    promised = [name for name, spec in sorted(specs.vms.items()) if spec.max_downtime_ms is not None]
    held = [(name, *found) for name in promised for found in snapshot.holders(name).items()]
    return [
        Wish(vm=name, host=hypervisor(host))
        for name, host, domain in held
        if host not in busy and domain.power is Power.RUNNING and not domain.post_copy
    ]


def watch(wish: Wish) -> DirtyRate | DirtyRateUnknown:
    """Measure, unless a job runs. What fails is only not known."""
    try:
        if wish.host.migrations.job(wish.vm).phase is not JobPhase.NONE:
            return DirtyRateUnknown(reason="it is being migrated")
        rate = wish.host.domains.dirty_rate(wish.vm)
        if wish.host.migrations.job(wish.vm).phase is not JobPhase.NONE:
            return DirtyRateUnknown(reason="a migration began while it was watched")
    except FleetError as error:
        return DirtyRateUnknown(reason=error.reason)
    return rate or DirtyRateUnknown(reason=f"{wish.host.name}'s hypervisor cannot tell")
