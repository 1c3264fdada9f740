"""Live migrations that leave one host, through libvirt."""

from __future__ import annotations

from typing import Any

import libvirt

from ferryman.fleet.errors import FailureKind, HostUnreachableError, OperationFailedError
from ferryman.fleet.libvirt_adapter.door import LibvirtDoor, let_go
from ferryman.fleet.libvirt_adapter.jobs import MIGRATIONS, NOT_MIGRATING, job_of, post_copy_phase, statistics_of
from ferryman.fleet.libvirt_adapter.scripts import RootScripts
from ferryman.fleet.libvirt_adapter.session import LibvirtSession
from ferryman.fleet.migrating import Job, LiveMigration, MemoryTransfer
from ferryman.fleet.xml.adapting import adapted
from ferryman.specs.host_spec import HostSpec

_FLAGS = (
    libvirt.VIR_MIGRATE_PERSIST_DEST
    # An I/O error on a disk must not be carried over as a paused guest.
    | libvirt.VIR_MIGRATE_ABORT_ON_ERROR
)
_MEMORY_FLAGS = {
    MemoryTransfer.PRE_COPY: libvirt.VIR_MIGRATE_LIVE,
    MemoryTransfer.POST_COPY: libvirt.VIR_MIGRATE_LIVE | libvirt.VIR_MIGRATE_POSTCOPY,
    MemoryTransfer.PAUSED: 0,
}
_DROP_INCOMING = """
$root true || exit
pid=$($root cat "/run/libvirt/qemu/$1.pid" 2>/dev/null) || exit 0
$root ss -Htnp state established | grep "pid=$pid," | while read -r _ _ here there _; do
    port=${here##*:}
    if [ "$port" -ge 49152 ] && [ "$port" -le 49215 ]; then
        $root ss -K sport = ":$port" dport = ":${there##*:}" || exit
    fi
done
"""
"""Kills what QEMU has open on libvirt's migration ports, and nothing else."""
_ADDRESSES = (libvirt.VIR_MIGRATE_PARAM_URI, libvirt.VIR_MIGRATE_PARAM_TLS_DESTINATION)
"""Where to, and who is expected there: what a resumed migration is told again."""
_OF_CONNECTIONS = frozenset({libvirt.VIR_FROM_RPC, libvirt.VIR_FROM_REMOTE, libvirt.VIR_FROM_AUTH})
"""Errors of these domains are the connection's: the source's libvirtd passes on what its own met with at its peer."""


class LibvirtMigrations:
    """`Migrations` by libvirt."""

    def __init__(self, session: LibvirtSession) -> None:
        self._session = session
        self._scripts = RootScripts(session, "true, cat and ss")

    def migrate(self, request: LiveMigration, through: HostSpec | None = None) -> None:
        """Migrate, persistent there, still defined here afterwards; returns when it is over."""
        with self._session.connection(f"migrating {request.vm}") as connection:
            domain = connection.lookupByName(request.vm)
            parameters = _parameters(request)
            if not request.adaptation.changes_nothing():
                parameters |= _adapted(domain, request)
            _migrate(domain, request, parameters, through)

    def job(self, vm: str) -> Job:
        """The migration job under way."""
        with self._session.connection(f"reading {vm}'s job") as connection:
            return job_of(statistics_of(connection, vm, 0), post_copy_phase(connection, vm))

    def completed_job(self, vm: str) -> Job | None:
        """The last finished job's figures, where the host still has them."""
        flags = libvirt.VIR_DOMAIN_JOB_STATS_COMPLETED | libvirt.VIR_DOMAIN_JOB_STATS_KEEP_COMPLETED
        with self._session.connection(f"reading {vm}'s last job") as connection:
            statistics = statistics_of(connection, vm, flags)
            return job_of(statistics, None) if statistics.get("operation") in MIGRATIONS else None

    def set_max_downtime(self, vm: str, downtime_ms: int) -> None:
        """Limit the switch-over's pause."""
        with self._session.connection(f"limiting {vm}'s downtime") as connection:
            connection.lookupByName(vm).migrateSetMaxDowntime(downtime_ms)

    def set_max_bandwidth(self, vm: str, mib_s: int) -> None:
        """Cap the speed until the guest is stopped for its switch-over."""
        with self._session.connection(f"capping {vm}'s migration") as connection:
            connection.lookupByName(vm).migrateSetMaxSpeed(mib_s)

    def start_post_copy(self, vm: str) -> None:
        """Let the guest run at the destination from now on, its memory following."""
        with self._session.connection(f"switching {vm} to post-copy") as connection:
            connection.lookupByName(vm).migrateStartPostCopy()

    def resume_post_copy(self, request: LiveMigration, through: HostSpec | None = None) -> None:
        """Take up a post-copy migration whose connection broke; returns when it is over."""
        with self._session.connection(f"resuming {request.vm}'s migration") as connection:
            domain = connection.lookupByName(request.vm)
            parameters = {name: value for name, value in _parameters(request).items() if name in _ADDRESSES}
            _migrate(domain, request, parameters, through, libvirt.VIR_MIGRATE_POSTCOPY_RESUME)

    def drop_incoming(self, vm: str) -> None:
        """Of a VM whose memory is to follow it here: drop a connection that is dead. None is no error.

        QEMU waits for the source's next word for ever, and libvirt waits with it: neither takes a command meanwhile, so
        only the host's kernel can end it. Raises OperationFailedError without SSH, or the right to do so.
        """
        doing = f"dropping {vm}'s dead connection"
        with self._scripts.start(doing, _DROP_INCOMING, vm) as program:
            for _ in program.lines():
                pass
            if program.finish() != 0:
                raise self._scripts.failure(doing, program)

    def abort(self, vm: str) -> None:
        """Cancel the job; the guest goes on at the source. No job is no error."""
        with self._session.connection(f"cancelling {vm}'s migration") as connection:
            try:
                connection.lookupByName(vm).abortJob()
            except libvirt.libvirtError as error:
                if error.get_error_code() not in NOT_MIGRATING:
                    raise


def _migrate(
    domain: libvirt.virDomain,
    request: LiveMigration,
    parameters: dict[str, Any],
    through: HostSpec | None,
    more_flags: int = 0,
) -> None:
    """Peer-to-peer, so that it outlives this program; or `through` a connection of ours to the destination."""
    flags = _flags(request) | more_flags
    if through is None:
        _migrate_peer_to_peer(domain, request, parameters, flags)
        return
    destination = _opened(through)
    try:
        domain.migrate3(destination, parameters, flags)
    finally:
        let_go(destination)


def _migrate_peer_to_peer(
    domain: libvirt.virDomain, request: LiveMigration, parameters: dict[str, Any], flags: int
) -> None:
    try:
        domain.migrateToURI3(request.peer_uri, parameters, flags | libvirt.VIR_MIGRATE_PEER2PEER)
    except libvirt.libvirtError as error:
        if error.get_error_domain() not in _OF_CONNECTIONS or not domain.connect().isAlive():
            raise
        remedy = f"As root on the source: virsh -c '{request.peer_uri}' list"
        raise OperationFailedError(
            FailureKind.PEER_UNREACHED, error.get_error_message() or str(error), remedy
        ) from error


def _opened(spec: HostSpec) -> libvirt.virConnect:
    """A connection for one migration alone. Raises OperationFailedError: it is not the source that is silent."""
    try:
        return LibvirtDoor(spec).open()
    except HostUnreachableError as error:
        raise OperationFailedError(FailureKind.OTHER, error.reason, error.remedy) from error


def _flags(request: LiveMigration) -> int:
    flags: int = _FLAGS | _MEMORY_FLAGS[request.memory]
    if request.copied_disks:
        inc, full = libvirt.VIR_MIGRATE_NON_SHARED_INC, libvirt.VIR_MIGRATE_NON_SHARED_DISK
        flags |= inc if request.layers_only else full
        if request.synchronous_writes:
            flags |= libvirt.VIR_MIGRATE_NON_SHARED_SYNCHRONOUS_WRITES
    if request.tls:
        flags |= libvirt.VIR_MIGRATE_TLS
    if request.connections > 1:
        flags |= libvirt.VIR_MIGRATE_PARALLEL
    if request.auto_converge:
        flags |= libvirt.VIR_MIGRATE_AUTO_CONVERGE
    return flags


def _parameters(request: LiveMigration) -> dict[str, Any]:
    parameters: dict[str, Any] = {libvirt.VIR_MIGRATE_PARAM_URI: request.data_uri}
    if request.copied_disks:
        parameters[libvirt.VIR_MIGRATE_PARAM_MIGRATE_DISKS] = list(request.copied_disks)
    if request.tls and request.tls_name:
        parameters[libvirt.VIR_MIGRATE_PARAM_TLS_DESTINATION] = request.tls_name
    if request.bandwidth_mib_s:
        # libvirt gives each disk's mirror as much.
        share = request.bandwidth_mib_s // max(1, len(request.copied_disks))
        parameters[libvirt.VIR_MIGRATE_PARAM_BANDWIDTH] = max(1, share)
        if request.memory is MemoryTransfer.POST_COPY:
            parameters[libvirt.VIR_MIGRATE_PARAM_BANDWIDTH_POSTCOPY] = request.bandwidth_mib_s
    if request.connections > 1:
        parameters[libvirt.VIR_MIGRATE_PARAM_PARALLEL_CONNECTIONS] = request.connections
    return parameters


def _adapted(domain: libvirt.virDomain, request: LiveMigration) -> dict[str, str]:
    secure = libvirt.VIR_DOMAIN_XML_SECURE
    live = domain.XMLDesc(libvirt.VIR_DOMAIN_XML_MIGRATABLE | secure)
    persistent = domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE | secure)
    return {
        libvirt.VIR_MIGRATE_PARAM_DEST_XML: adapted(live, request.adaptation),
        libvirt.VIR_MIGRATE_PARAM_PERSIST_XML: adapted(persistent, request.adaptation),
    }
