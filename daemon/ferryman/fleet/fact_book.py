"""What was found out on each host, kept for some minutes: finding it out takes a second or more."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Mapping
from concurrent.futures import Future
from dataclasses import dataclass

from ferryman.fleet.errors import FleetError
from ferryman.fleet.host_facts import HostFacts, Peer, nothing_known
from ferryman.fleet.hypervisor import Hypervisor
from ferryman.specs.host_spec import HostSpec

REFRESHED_AFTER_S = 300.0
KEPT_S = 900.0
"""Older facts count for nothing."""
FACTS_WITHIN_S = 40.0
"""Who waits for facts goes on without them after this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    facts: HostFacts
    at_s: float


class FactBook:
    """Facts by host, each found out in a thread of its own. Safe from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: dict[str, _Entry] = {}
        self._pending: dict[str, Future[None]] = {}
        self._edition = 0

    def known(self, host: str) -> HostFacts:
        """At once; of a host that was not asked, or long ago, nothing is known."""
        with self._lock:
            entry = self._entries.get(host)
        return entry.facts if entry is not None and time.monotonic() - entry.at_s < KEPT_S else nothing_known(host)

    def begin(self, host: Hypervisor, peers: Collection[Peer], older_than_s: float) -> Future[None] | None:
        """Find out anew what is older than this; None: it is not. The future is over when the facts are known."""
        with self._lock:
            entry = self._entries.get(host.name)
            if entry is not None and time.monotonic() - entry.at_s < older_than_s:
                return None
            if host.name in self._pending:
                return self._pending[host.name]
            done = self._pending[host.name] = Future()
            edition = self._edition
        threading.Thread(
            target=self._find, args=(host, peers, done, edition), name=f"facts {host.name}", daemon=True
        ).start()
        return done

    def forget(self) -> None:
        """The fleet is another one; what is being found out now is not written down."""
        with self._lock:
            self._entries.clear()
            self._pending.clear()
            self._edition += 1

    def _find(self, host: Hypervisor, peers: Collection[Peer], done: Future[None], edition: int) -> None:
        facts = nothing_known(host.name)
        try:
            facts = host.facts(peers)
        except FleetError:
            pass  # its reading says so, with the remedy
        finally:
            with self._lock:
                if edition == self._edition:
                    self._entries[host.name] = _Entry(facts=facts, at_s=time.monotonic())
                    self._pending.pop(host.name, None)
            done.set_result(None)


def peers_of(host: str, specs: Mapping[str, HostSpec]) -> tuple[Peer, ...]:
    """The other hosts, beginning after this one in the alphabet, so that not all ask the same one first."""
    names = sorted(specs)
    at = names.index(host)
    return tuple(
        Peer(name=name, uri=specs[name].effective_peer_uri, address=specs[name].effective_migration_address)
        for name in (*names[at + 1 :], *names[:at])
    )
