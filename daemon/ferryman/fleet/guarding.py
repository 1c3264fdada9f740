"""A host that hangs costs its own VMs only: a deadline on every call, and a rest for a host that does not answer.

libvirt's calls cannot be interrupted. One that is not over in time is left to its thread; so many of them, and the
host is not called at all before one has returned.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future
from typing import Any, TypeVar, cast

from ferryman.fleet import breaker
from ferryman.fleet.breaker import CLOSED
from ferryman.fleet.deadlines import begin, result_within
from ferryman.fleet.domains import Definitions, Domains, PowerControl
from ferryman.fleet.errors import (
    FailureKind,
    HostHangsError,
    HostRestingError,
    HostUnreachableError,
    OperationFailedError,
)
from ferryman.fleet.host_facts import HostFacts, Peer
from ferryman.fleet.hypervisor import Hypervisor, Volumes
from ferryman.fleet.images import Images
from ferryman.fleet.machine import Fit, MachineNeeds
from ferryman.fleet.machine_files import MachineFiles
from ferryman.fleet.migrating import Migrations
from ferryman.fleet.ownership import OwnerTags
from ferryman.fleet.storage import VolumeRef
from ferryman.fleet.survey import HostSurvey
from ferryman.fleet.values import HostDetail, HostReading
from ferryman.fleet.xml.drives import Drives

T = TypeVar("T")

READ_WITHIN_S = 15.0
"""Of what only reads: the loop waits for some of it, and its watchdog for the loop."""
CALL_WITHIN_S = 60.0
"""Of what changes something."""
MOST_HANGING = 8
"""Calls of one host that are late and not over: threads that nothing can end."""
_DEADLINES_S: Mapping[str, float | None] = {
    **dict.fromkeys(
        ("inspect", "state", "disk_paths", "media", "owner", "find", "job", "completed_job"), READ_WITHIN_S
    ),
    # Watched by whoever asked, step by step, for as long as they go on.
    "migrate": None,
    "resume_post_copy": None,
    "serve": None,
    "copy": None,
    "same": None,
    "download": None,
    "upload": None,
    # QEMU's start reserves all memory; its end is waited for by libvirt itself.
    "start": 300.0,
    "destroy": 120.0,
    # libvirt waits up to 65 s for a guest's agent.
    "request_shutdown": 120.0,
    "fetch": 120.0,
    "store": 120.0,
}
"""By method, where it is not `CALL_WITHIN_S`; None: no deadline."""
_LOCAL = frozenset({"lifecycle"})
"""Methods that ask nobody: a host that rests is no reason to refuse them, and their answer none to call it again."""


class Guard:
    """One host's calls. Safe from several threads."""

    def __init__(self, host: str, remedy: str, now_s: Callable[[], float] = time.monotonic) -> None:
        """`remedy`: what to do about a host that does not answer."""
        self._host = host
        self._remedy = remedy
        self._now_s = now_s
        self._lock = threading.Lock()
        self._breaker = CLOSED
        self._last = f"{host} does not answer"
        self._late: list[Future[Any]] = []

    def call(self, name: str, work: Callable[[], T], deadline_s: float | None = CALL_WITHIN_S) -> T:
        """Do it in time. Raises what it raises; HostRestingError while the host rests."""
        self._admit()
        try:
            done = work() if deadline_s is None else self._in_time(name, work, deadline_s)
        except HostUnreachableError as error:
            raise self._failed(error) from error
        self._answered()
        return done

    def _in_time(self, name: str, work: Callable[[], T], deadline_s: float) -> T:
        call = begin(f"{name} at {self._host}", work)
        try:
            return result_within(call, deadline_s)
        except TimeoutError as error:
            with self._lock:
                self._late.append(call)
            raise OperationFailedError(
                FailureKind.BUSY, f"{self._host}: {name}: {error}; it may yet have its effect", self._remedy
            ) from error

    def _admit(self) -> None:
        with self._lock:
            self._late = [call for call in self._late if not call.done()]
            if len(self._late) >= MOST_HANGING:
                raise HostHangsError(f"{self._host}: {MOST_HANGING} calls hang there", self._remedy)
            if not self._breaker.allows(self._now_s()):
                raise HostRestingError(self._last, self._remedy)

    def _failed(self, error: HostUnreachableError) -> HostUnreachableError:
        """What is raised instead: from now on the host may rest."""
        with self._lock:
            self._breaker = breaker.failed(self._breaker, self._now_s())
            self._last, self._remedy = error.reason, error.remedy
            return HostRestingError(error.reason, error.remedy) if self._breaker.is_open else error

    def _answered(self) -> None:
        with self._lock:
            self._breaker = CLOSED


class _Guarded:
    """Any of a host's protocols: each of its calls goes through the guard."""

    def __init__(self, part: object, guard: Guard) -> None:
        self._part = part
        self._guard = guard

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method: Callable[..., Any] = getattr(self._part, name)
        if name in _LOCAL:
            return method
        deadline_s = _DEADLINES_S.get(name, CALL_WITHIN_S)

        def guarded(*arguments: Any, **options: Any) -> Any:
            return self._guard.call(name, lambda: method(*arguments, **options), deadline_s)

        return guarded


class GuardedHost:
    """`Hypervisor`: another one, guarded."""

    def __init__(self, inner: Hypervisor, guard: Guard) -> None:
        self._inner = inner
        self._guard = guard
        self.name, self.spec = inner.name, inner.spec
        # Each has just the methods of what it guards.
        self.domains = cast("Domains", _Guarded(inner.domains, guard))
        self.power = cast("PowerControl", _Guarded(inner.power, guard))
        self.definitions = cast("Definitions", _Guarded(inner.definitions, guard))
        self.drives = cast("Drives", _Guarded(inner.drives, guard))
        self.owner_tags = cast("OwnerTags", _Guarded(inner.owner_tags, guard))
        self.volumes = cast("Volumes", _Guarded(inner.volumes, guard))
        self.migrations = cast("Migrations", _Guarded(inner.migrations, guard))
        self.machine_files = cast("MachineFiles", _Guarded(inner.machine_files, guard))
        self.images = cast("Images", _Guarded(inner.images, guard))

    def read(self) -> HostReading:
        """The host and all its VMs, cheaply. One that does not come in time is a host that is not there."""
        try:
            return self._guard.call("reading", self._inner.read, READ_WITHIN_S)
        except OperationFailedError as error:
            if error.kind is not FailureKind.BUSY:
                raise
            raise HostHangsError(error.reason, error.remedy) from error

    def describe(
        self, wanted: Collection[VolumeRef], images: Collection[str] = (), closely: Collection[VolumeRef] = ()
    ) -> HostDetail:
        """What planning needs of a destination."""
        return self._guard.call("describing", lambda: self._inner.describe(wanted, images, closely), READ_WITHIN_S)

    def fit(self, needs: MachineNeeds) -> Fit:
        """Whether this host has what a VM's QEMU needs."""
        return self._guard.call("fit", lambda: self._inner.fit(needs), READ_WITHIN_S)

    def facts(self, peers: Collection[Peer]) -> HostFacts:
        """What only a command on the host itself can tell. Not guarded: it asks SSH, and bounds itself."""
        return self._inner.facts(peers)

    def survey(self) -> HostSurvey:
        """The host as it is compared with others of its fleet."""
        return self._guard.call("surveying", self._inner.survey)

    def close(self) -> None:
        """Let go of the host."""
        self._inner.close()
