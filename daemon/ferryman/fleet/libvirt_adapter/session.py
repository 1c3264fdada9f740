"""A libvirt connection to one host that mends itself, and the translation of libvirt's errors."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache

import libvirt

from ferryman.fleet.deadlines import begin
from ferryman.fleet.errors import FailureKind, HostUnreachableError, OperationFailedError
from ferryman.fleet.libvirt_adapter.door import LibvirtDoor, let_go, uses_ssh
from ferryman.fleet.libvirt_adapter.lifecycle import lifecycle_event
from ferryman.fleet.libvirt_adapter.pool import ConnectionPool
from ferryman.fleet.libvirt_adapter.remedies import remedy_for
from ferryman.fleet.lifecycle import LifecycleLog
from ferryman.fleet.mirror_watch import MirrorWatch
from ferryman.fleet.ssh.remote import RemoteProgram
from ferryman.fleet.ssh.session import RemoteFiles, SshSession, target_of
from ferryman.specs.host_spec import HostSpec

_LOST = frozenset(
    {
        libvirt.VIR_ERR_NO_CONNECT,
        libvirt.VIR_ERR_INVALID_CONN,
        libvirt.VIR_ERR_SYSTEM_ERROR,
        libvirt.VIR_ERR_RPC,
        libvirt.VIR_ERR_AUTH_FAILED,
        # Keepalive's own: "connection closed due to keepalive timeout", "client socket is closed".
        libvirt.VIR_ERR_INTERNAL_ERROR,
    }
)
_KINDS = {
    libvirt.VIR_ERR_NO_DOMAIN: FailureKind.NOT_FOUND,
    libvirt.VIR_ERR_NO_STORAGE_POOL: FailureKind.NOT_FOUND,
    libvirt.VIR_ERR_NO_STORAGE_VOL: FailureKind.NOT_FOUND,
    libvirt.VIR_ERR_DOM_EXIST: FailureKind.EXISTS,
    libvirt.VIR_ERR_STORAGE_VOL_EXIST: FailureKind.EXISTS,
    libvirt.VIR_ERR_OPERATION_TIMEOUT: FailureKind.BUSY,
    libvirt.VIR_ERR_OPERATION_ABORTED: FailureKind.ABORTED,
}


_STARTING = threading.Lock()


def start_event_loop() -> None:
    """Run libvirt's event loop in a thread of its own, once per process; keepalive and events need it.

    Hosts are connected at the same time, and a second loop would make calls wait for seconds: see below.
    """
    with _STARTING:
        _start_event_loop()


@cache
def _start_event_loop() -> None:
    """Not to be entered by two threads at once: `cache` alone lets both in."""
    libvirt.virEventRegisterDefaultImpl()
    libvirt.registerErrorHandler(lambda _context, _error: None, None)  # errors are raised; nothing goes to stderr

    def loop() -> None:
        while True:
            libvirt.virEventRunDefaultImpl()

    threading.Thread(target=loop, name="libvirt-events", daemon=True).start()


class LibvirtSession:
    """One host's connection, opened when first needed and again after it broke."""

    def __init__(self, spec: HostSpec, on_change: Callable[[], None]) -> None:
        self.host = spec.name
        self._spec = spec
        self._on_change = on_change
        self._lock = threading.Lock()
        self._main: libvirt.virConnect | None = None
        """Tells of events, and makes no calls; while it is alive, so is the host."""
        self._ssh: SshSession | None = None
        self._pool = ConnectionPool()
        self._door = LibvirtDoor(spec)
        self.lifecycle = LifecycleLog()
        """Empty for as long as there is no connection: nobody tells what happens meanwhile."""
        self.mirrors = MirrorWatch()
        """Mirrors of ours that must not break unseen."""

    @contextmanager
    def connection(self, doing: str) -> Iterator[libvirt.virConnect]:
        """A connection for this block alone; libvirt's errors inside the block come out as the fleet's.

        Raises HostUnreachableError, OperationFailedError.
        """
        generation = self._ready()
        connection = self._pool.take() or self._door.open()
        try:
            yield connection
        except libvirt.libvirtError as error:
            raise self._translated(connection, doing, error) from error
        finally:
            self._pool.give_back(connection, generation)

    def run(self, argv: list[str]) -> str | None:
        """What a command prints on the host; None where the host is not reached by SSH."""
        with self._lock:
            session = self._ssh
        return None if session is None else session.run(argv)

    def start(self, argv: list[str]) -> RemoteProgram | None:
        """Start a program that may run for long; None where the host is not reached by SSH."""
        self._ready()
        with self._lock:
            session = self._ssh
        return None if session is None else session.start(argv)

    def files(self) -> RemoteFiles | None:
        """The host's files; None where the host is not reached by SSH. Raises HostUnreachableError."""
        with self._lock:
            session = self._ssh
        return None if session is None else session.files()

    @contextmanager
    def ssh(self) -> Iterator[SshSession | None]:
        """The SSH session, or one for this block where libvirt is not connected; None for a host without SSH.

        Raises HostUnreachableError.
        """
        with self._lock:
            session = self._ssh
        if session is not None or not uses_ssh(self._spec):
            yield session
            return
        session = SshSession.open(target_of(self._spec))
        try:
            yield session
        finally:
            session.close()

    def close(self) -> None:
        """Let go of the host."""
        with self._lock:
            self._drop()

    def _ready(self) -> int:
        """Connected, now or anew; the pool's generation. Raises HostUnreachableError."""
        with self._lock:
            if self._main is None or not self._main.isAlive():
                self._main = self._opened()
            return self._pool.generation

    def _opened(self) -> libvirt.virConnect:
        """A new main connection, and others for calls, in the place of what there was. With the lock held."""
        self._drop()
        self.mirrors.connection_lost()  # while there was none nobody would have told
        start_event_loop()
        if uses_ssh(self._spec):
            self._ssh = SshSession.open(target_of(self._spec))
        try:
            connection = self._door.open()
            connection.registerCloseCallback(lambda *_: self._on_change(), None)
            connection.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, self._guest_changed, None)
            connection.domainEventRegisterAny(
                None, libvirt.VIR_DOMAIN_EVENT_ID_BLOCK_JOB_2, self._block_job_changed, None
            )
            self._pool.add(self._door.open())
        except libvirt.libvirtError as error:
            self._drop()
            raise self._door.unreachable(error) from error
        except HostUnreachableError:
            self._drop()
            raise
        # So that a migration's call is followed without a wait for another connection.
        begin(f"open {self.host}", self._open_ahead)
        return connection

    def _open_ahead(self) -> None:
        generation = self._pool.generation
        with suppress(HostUnreachableError):  # whoever needs it finds out
            self._pool.give_back(self._door.open(), generation)

    def _guest_changed(
        self, _connection: libvirt.virConnect, domain: libvirt.virDomain, event: int, detail: int, _opaque: object
    ) -> None:
        if event == libvirt.VIR_DOMAIN_EVENT_SHUTDOWN:
            self.mirrors.guest_is_down(domain.name())
        elif event == libvirt.VIR_DOMAIN_EVENT_STOPPED:
            self.mirrors.qemu_ended(domain.name())
        told = lifecycle_event(domain.UUIDString(), event, detail, time.monotonic_ns())
        if told is not None:
            self.lifecycle.note(told)
        self._on_change()

    def _block_job_changed(
        self,
        _connection: libvirt.virConnect,
        domain: libvirt.virDomain,
        disk: str,
        _kind: int,
        status: int,
        _opaque: object,
    ) -> None:
        if status == libvirt.VIR_DOMAIN_BLOCK_JOB_FAILED:
            self.mirrors.job_failed(domain.name(), disk)
        elif status in (libvirt.VIR_DOMAIN_BLOCK_JOB_CANCELED, libvirt.VIR_DOMAIN_BLOCK_JOB_COMPLETED):
            self.mirrors.job_ended(domain.name(), disk)

    def _drop(self) -> None:
        main, self._main = self._main, None
        session, self._ssh = self._ssh, None
        if session is not None:
            session.close()
        if main is not None:
            let_go(main)
        self._pool.clear()

    def _translated(
        self, connection: libvirt.virConnect, doing: str, error: libvirt.libvirtError
    ) -> HostUnreachableError | OperationFailedError:
        code = error.get_error_code()
        if code in _LOST and not connection.isAlive():
            return self._door.unreachable(error)
        said = error.get_error_message() or str(error)
        return OperationFailedError(
            _KINDS.get(code, FailureKind.OTHER), f"{self.host}: {doing}: {said}", remedy_for(said, self.host)
        )
