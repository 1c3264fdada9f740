"""Every call to a fake host goes through here, where a test can make it fail."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

from ferryman.fleet.errors import FailureKind, FleetError, HostUnreachableError, OperationFailedError


class Operation(StrEnum):
    """The calls of the protocol."""

    READ = "read"
    DESCRIBE = "describe"
    FIT = "fit"
    FACTS = "facts"
    SURVEY = "survey"
    INSPECT = "inspect"
    POWER = "power"
    DISK_PATHS = "disk-paths"
    MEDIA = "media"
    EJECT = "eject"
    INSERT = "insert"
    DIRTY_RATE = "dirty-rate"
    DEFINE = "define"
    TAG = "tag"
    UNTAG = "untag"
    OWNER = "owner"
    DISARM = "disarm"
    ARM = "arm"
    UNDEFINE = "undefine"
    START = "start"
    REQUEST_SHUTDOWN = "request-shutdown"
    DESTROY = "destroy"
    RESUME = "resume"
    SUSPEND = "suspend"
    ANNOUNCE = "announce"
    FIND = "find"
    CREATE = "create"
    DELETE = "delete"
    DOWNLOAD = "download"
    UPLOAD = "upload"
    SERVE = "serve"
    MIRROR = "mirror"
    MIRRORED = "mirrored"
    MIRROR_BROKE = "mirror-broke"
    CANCEL_MIRROR = "cancel-mirror"
    REACH = "reach"
    COPY = "copy"
    ABSENT_FILES = "absent-files"
    FETCH_FILES = "fetch-files"
    STORE_FILES = "store-files"
    REMOVE_FILES = "remove-files"
    SAME = "same"
    MIGRATE = "migrate"
    JOB = "job"
    COMPLETED_JOB = "completed-job"
    SET_MAX_DOWNTIME = "set-max-downtime"
    SET_MAX_BANDWIDTH = "set-max-bandwidth"
    START_POST_COPY = "start-post-copy"
    RESUME_POST_COPY = "resume-post-copy"
    DROP_INCOMING = "drop-incoming"
    ABORT = "abort"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call that was made."""

    operation: Operation
    subject: str
    """The VM or POOL/VOLUME; empty for the whole host."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Planted:
    error: FleetError
    after_effect: bool


class Faults:
    """One host's faults, and the calls that it has seen."""

    def __init__(self, host: str, news: threading.Condition, after_each: Callable[[], None]) -> None:
        self.unreachable = False
        """The daemon cannot reach the host. Its VMs go on, and so do migrations between hosts."""
        self.calls: list[Call] = []
        self.around_calls: Callable[[Call], None] = lambda _: None
        """Told before and after every call, outside of its frame: there a test lets other things happen."""
        self._host = host
        self._news = news
        self._after_each = after_each
        self._planted: dict[Operation, deque[_Planted]] = {}
        self._before: dict[Operation, deque[Callable[[], None]]] = {}

    def fail_next(
        self, operation: Operation, error: FleetError | None = None, *, times: int = 1, after_effect: bool = False
    ) -> None:
        """Let the next calls of an operation fail. `after_effect`: they have had their effect nevertheless."""
        planted = _Planted(error=error or self._refusal(operation), after_effect=after_effect)
        self._planted.setdefault(operation, deque()).extend([planted] * times)

    def heal(self) -> None:
        """Nothing fails any more."""
        self.unreachable = False
        self._planted.clear()
        self._before.clear()

    def before_next(self, operation: Operation, do: Callable[[], None]) -> None:
        """Let something happen just before the next call of an operation; one at each call, in order."""
        self._before.setdefault(operation, deque()).append(do)

    @contextmanager
    def call(self, operation: Operation, subject: str = "") -> Iterator[None]:
        """The frame of every call: alone with the whole fleet, and failing where that was planted."""
        made = Call(operation=operation, subject=subject)
        self.around_calls(made)
        with self._news:
            self.calls.append(made)
            if waiting := self._before.get(operation):
                waiting.popleft()()
            if self.unreachable:
                raise self.unreachable_error()
            queue = self._planted.get(operation)
            planted = queue.popleft() if queue else None
            if planted and not planted.after_effect:
                raise planted.error
            try:
                yield
            finally:
                self._after_each()
            if planted:
                raise planted.error
        self.around_calls(made)

    def made(self, operation: Operation) -> int:
        """How often an operation was asked for."""
        return sum(call.operation is operation for call in self.calls)

    def unreachable_error(self) -> HostUnreachableError:
        """What a host that is not reached raises."""
        return HostUnreachableError(f"{self._host}: libvirt does not answer", "Check libvirtd there.")

    def _refusal(self, operation: Operation) -> OperationFailedError:
        return refused(FailureKind.OTHER, f"{self._host}: {operation} fails as planted")


def refused(kind: FailureKind, reason: str) -> OperationFailedError:
    """A host's refusal."""
    return OperationFailedError(kind, reason, "See the fake host's log.")
