"""Looking at a whole fleet at once: every host in a thread of its own, so that one that hangs holds up no other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from dataclasses import dataclass

from ferryman.fleet.deadlines import begin
from ferryman.fleet.errors import FleetError, HostRestingError
from ferryman.fleet.fact_book import FACTS_WITHIN_S, KEPT_S, REFRESHED_AFTER_S, FactBook, peers_of
from ferryman.fleet.host_facts import HostFacts
from ferryman.fleet.hypervisor import Connect, Hypervisor
from ferryman.fleet.values import HostReading, Snapshot, Unreachable
from ferryman.specs.host_spec import HostSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long one look waits for all hosts together."""

    answered_s: float = 10.0
    """For hosts that answered at the last look; longer than keepalive takes to notice a dead peer is pointless."""
    silent_s: float = 0.3
    """For those that did not: their readings go on in the background and wake the loop when they succeed."""


@dataclass(slots=True, kw_only=True)
class _Watched:
    """A host, the reading of it that is under way, and whether it answered last time."""

    spec: HostSpec
    hypervisor: Hypervisor
    pending: Future[HostReading] | None = None
    answered: bool = True
    failure: Unreachable | None = None
    """What its last reading came to, if not to an answer: said again while the next one is under way."""
    overdue: bool = False
    """A look has given up waiting for the pending reading, whose success is to be told."""


class FleetView:
    """The fleet's hosts, kept connected. Used from one thread; the hypervisors that it hands out from any."""

    def __init__(self, connect: Connect, on_change: Callable[[], None], patience: Patience = Patience()) -> None:
        self._connect = connect
        self._on_change = on_change
        self._patience = patience
        self._hosts: dict[str, _Watched] = {}
        self._facts = FactBook()

    def configure(self, hosts: Mapping[str, HostSpec]) -> None:
        """Watch these hosts, and no others; one that is reached another way than before is connected anew."""
        for name in [name for name, watched in self._hosts.items() if not _same_way(watched.spec, hosts.get(name))]:
            _let_go(self._hosts.pop(name))
        for name, spec in hosts.items():
            if name not in self._hosts:
                self._facts.forget()
                self._hosts[name] = _Watched(spec=spec, hypervisor=self._connect(spec, self._on_change))

    def look(self) -> Snapshot:
        """Read every host. One that does not answer in time is `Unreachable` in this snapshot."""
        for watched in self._hosts.values():
            if watched.pending is None:
                watched.pending = begin(f"read {watched.spec.name}", watched.hypervisor.read)
        self._wait(answered=True, timeout_s=self._patience.answered_s)
        self._wait(answered=False, timeout_s=self._patience.silent_s)
        return Snapshot(hosts={name: self._result(watched) for name, watched in self._hosts.items()})

    def facts(self, name: str, *, patiently: bool) -> HostFacts:
        """What was found out on a host within the last minutes. Without any, unless `patiently`: nothing is known."""
        if patiently:
            wait([begun for begun in self._begin_facts(KEPT_S) if begun is not None], FACTS_WITHIN_S)
        return self._facts.known(name)

    def refresh_facts(self, older_than_s: float = REFRESHED_AFTER_S) -> None:
        """Find out anew, in the background, what is older than this. Not while a move is under way: it takes CPU."""
        self._begin_facts(older_than_s)

    def _begin_facts(self, older_than_s: float) -> list[Future[None] | None]:
        specs = {name: watched.spec for name, watched in self._hosts.items()}
        return [
            self._facts.begin(watched.hypervisor, peers_of(name, specs), older_than_s)
            for name, watched in self._hosts.items()
        ]

    def host(self, name: str) -> Hypervisor:
        """One host, for a closer look or to touch it. KeyError where it is not among the configured."""
        return self._hosts[name].hypervisor

    def names(self) -> frozenset[str]:
        """The configured hosts."""
        return frozenset(self._hosts)

    def close(self) -> None:
        """Let go of all hosts; does not wait for one that hangs."""
        for watched in self._hosts.values():
            _let_go(watched)

    def _wait(self, *, answered: bool, timeout_s: float) -> None:
        """For the readings of the hosts that answered, or did not, at the last look: all of them at once."""
        pending = [one.pending for one in self._hosts.values() if one.pending is not None and one.answered is answered]
        wait(pending, timeout_s)

    def _result(self, watched: _Watched) -> HostReading | Unreachable:
        pending = watched.pending
        if pending is None:
            raise AssertionError("a look begins a reading of every host")
        if not pending.done():
            if not watched.overdue:
                watched.answered, watched.overdue = False, True
                pending.add_done_callback(self._answers_again)
            return watched.failure or _silent(watched.spec)
        watched.overdue = False
        if pending.cancelled():
            watched.pending, watched.answered = None, False
            return _not_understood(watched.spec)
        try:
            reading = pending.result()
        except FleetError as error:
            watched.pending, watched.answered = None, False
            watched.failure = _unreachable(watched.spec, error)
            return watched.failure
        watched.pending, watched.answered, watched.failure = None, True, None
        return reading

    def _answers_again(self, reading: Future[HostReading]) -> None:
        if not reading.cancelled() and reading.exception() is None:
            self._on_change()


def _let_go(watched: _Watched) -> None:
    """Close a host: one that is being read, when that is over, because closing would wait for it."""
    if watched.pending is None:
        watched.hypervisor.close()
    else:
        watched.pending.add_done_callback(lambda _: watched.hypervisor.close())


def _same_way(before: HostSpec, after: HostSpec | None) -> bool:
    return after is not None and (before.uri, before.ssh) == (after.uri, after.ssh)


def _unreachable(spec: HostSpec, error: FleetError) -> Unreachable:
    resting = isinstance(error, HostRestingError)
    return Unreachable(host=spec.name, reason=error.reason, remedy=error.remedy, resting=resting)


def _silent(spec: HostSpec) -> Unreachable:
    return Unreachable(
        host=spec.name,
        reason=f"{spec.name} does not answer",
        remedy=f"Check the host and the way to it: virsh -c '{spec.uri}' list",
    )


def _not_understood(spec: HostSpec) -> Unreachable:
    return Unreachable(
        host=spec.name,
        reason=f"ferryman failed in reading {spec.name}",
        remedy="Report the fault with the traceback in the log; the other hosts are not concerned.",
    )
