"""What libvirt says of a host and its VMs: a whole host in a handful of calls, however many VMs it has."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import libvirt

from ferryman.fleet.storage import Pool, PoolSource
from ferryman.fleet.values import Domain, HostReading, MigrationSide, Off, Power
from ferryman.fleet.xml import pool as pool_xml

_POWER = {
    libvirt.VIR_DOMAIN_RUNNING: Power.RUNNING,
    libvirt.VIR_DOMAIN_BLOCKED: Power.RUNNING,
    libvirt.VIR_DOMAIN_PAUSED: Power.PAUSED,
    libvirt.VIR_DOMAIN_PMSUSPENDED: Power.PAUSED,
    libvirt.VIR_DOMAIN_SHUTDOWN: Power.SHUTTING_DOWN,
    libvirt.VIR_DOMAIN_SHUTOFF: Power.SHUT_OFF,
    libvirt.VIR_DOMAIN_CRASHED: Power.CRASHED,
}
_SIDES = {
    libvirt.VIR_DOMAIN_JOB_OPERATION_MIGRATION_IN: MigrationSide.INCOMING,
    libvirt.VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT: MigrationSide.OUTGOING,
}
_POST_COPY = frozenset(
    {
        (libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_RUNNING_POSTCOPY),
        (libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_RUNNING_POSTCOPY_FAILED),
        (libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_POSTCOPY),
        (libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_POSTCOPY_FAILED),
    }
)
_OFF = {
    libvirt.VIR_DOMAIN_SHUTOFF_SHUTDOWN: Off.SHUT_DOWN,
    libvirt.VIR_DOMAIN_SHUTOFF_DESTROYED: Off.ENDED,
    libvirt.VIR_DOMAIN_SHUTOFF_CRASHED: Off.ENDED,
    libvirt.VIR_DOMAIN_SHUTOFF_MIGRATED: Off.LEFT,
}
_STATISTICS = libvirt.VIR_DOMAIN_STATS_STATE | libvirt.VIR_DOMAIN_STATS_BALLOON | libvirt.VIR_DOMAIN_STATS_VCPU
_KIB_PER_MIB = 1024
_SMALL_PAGE_KIB = 64
"""The largest that is the ordinary size on some architecture."""
_ALL_CELLS = -1
_STUCK_MS = 2000
"""A call about a domain that is in good order takes a small part of it."""


def power_of(state: int) -> Power:
    """libvirt's domain state as ours."""
    return _POWER.get(state, Power.PAUSED)


def is_post_copy(state: int, reason: int) -> bool:
    """Whether the VM's memory is on two hosts."""
    return (state, reason) in _POST_COPY


def find_domain(connection: libvirt.virConnect, vm: str) -> libvirt.virDomain | None:
    """The VM; None where the host knows none of that name. Raises libvirtError other than that."""
    try:
        return connection.lookupByName(vm)
    except libvirt.libvirtError as error:
        if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN:
            return None
        raise


def read_host(host: str, connection: libvirt.virConnect) -> HostReading:
    """The host and all its VMs: seven calls, and one more for each paused VM. Raises libvirtError."""
    capabilities = ET.fromstring(connection.getCapabilities())
    memory = connection.getMemoryStats(libvirt.VIR_NODE_MEMORY_STATS_ALL_CELLS)
    transient = {
        domain.UUIDString() for domain in connection.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_TRANSIENT)
    }
    # Without waiting: one VM whose QEMU is busy would hold up the reading of its whole host for half a minute.
    listed = connection.getAllDomainStats(_STATISTICS, libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT)
    domains = [_domain(domain, figures, transient) for domain, figures in listed]
    return HostReading(
        host=host,
        hostname=connection.getHostname(),
        uuid=capabilities.findtext("./host/uuid", ""),
        libvirt_version=connection.getLibVersion(),
        hypervisor_version=connection.getVersion(),
        architecture=capabilities.findtext("./host/cpu/arch", ""),
        memory_mib=memory["total"] // _KIB_PER_MIB,
        domains={domain.name: domain for domain in domains},
    )


def machines_of(capabilities: str) -> frozenset[str]:
    """Every machine type that the host can run, aliases included."""
    root = ET.fromstring(capabilities)
    return frozenset(node.text or "" for node in root.iterfind("./guest/arch//machine"))


def free_pages_of(connection: libvirt.virConnect, capabilities: str) -> dict[int, int] | None:
    """Free huge pages by their size in KiB; None: this libvirt does not tell. Raises libvirtError where it is lost."""
    nodes = ET.fromstring(capabilities).iterfind("./host/cpu/pages[@unit='KiB']")
    sizes = [size for node in nodes if (size := int(node.get("size", "0"))) > _SMALL_PAGE_KIB]
    if not sizes:
        return {}
    try:
        (free,) = connection.getFreePages(sizes, _ALL_CELLS, 1).values()
    except libvirt.libvirtError:
        if not connection.isAlive():
            raise
        return None
    return {int(size): int(count) for size, count in free.items()}


def read_pools(connection: libvirt.virConnect) -> dict[str, Pool]:
    """Every storage pool. Raises libvirtError."""
    return {pool.name(): _pool(pool) for pool in connection.listAllStoragePools()}


def _pool(pool: libvirt.virStoragePool) -> Pool:
    xml = pool.XMLDesc()
    root = ET.fromstring(xml)
    state, _capacity, _allocation, available = pool.info()
    return Pool(
        name=pool.name(),
        kind=root.get("type", ""),
        active=state == libvirt.VIR_STORAGE_POOL_RUNNING,
        target_path=root.findtext("./target/path", ""),
        available_bytes=available,
        origin=pool_xml.origin(xml),
        source=pool_source(root),
    )


def pool_source(pool: ET.Element) -> PoolSource:
    """Where a parsed `<pool>` has its content from."""

    def of(path: str, attribute: str) -> str:
        node = pool.find(f"./source/{path}")
        return "" if node is None else node.get(attribute, "")

    return PoolSource(
        host=of("host", "name"),
        path=of("dir", "path"),
        device=of("device", "path"),
        name=pool.findtext("./source/name", ""),
        format=of("format", "type"),
    )


def _domain(domain: libvirt.virDomain, figures: dict[str, int], transient: set[str]) -> Domain:
    power = power_of(figures["state.state"])
    return Domain(
        name=domain.name(),
        uuid=domain.UUIDString(),
        power=power,
        memory_mib=figures.get("balloon.maximum", 0) // _KIB_PER_MIB,
        persistent=domain.UUIDString() not in transient,
        migration_side=migration_side(domain) if power is Power.PAUSED else MigrationSide.NONE,
        post_copy=is_post_copy(figures["state.state"], figures["state.reason"]),
        off=_OFF.get(figures["state.reason"], Off.UNKNOWN) if power is Power.SHUT_OFF else Off.UNKNOWN,
    )


def migration_side(domain: libvirt.virDomain) -> MigrationSide:
    """Which end of a migration this domain is. Raises libvirtError other than "gone since"."""
    try:
        if _is_stuck(domain):
            return MigrationSide.UNKNOWN
        statistics = domain.jobStats()
    except libvirt.libvirtError as error:
        if error.get_error_code() in (libvirt.VIR_ERR_NO_DOMAIN, libvirt.VIR_ERR_OPERATION_INVALID):
            return MigrationSide.NONE
        # "migration statistics are available only on the source host": so this is the other end.
        if error.get_error_code() == libvirt.VIR_ERR_OPERATION_UNSUPPORTED:
            return MigrationSide.INCOMING
        raise
    return _SIDES.get(statistics.get("operation", -1), MigrationSide.NONE)


def _is_stuck(domain: libvirt.virDomain) -> bool:
    """Whether a call about it would wait behind another that has been waiting for its QEMU for a while.

    Seen: libvirtd was killed while it started a QEMU; the next one waited for that QEMU for minutes, with the domain
    locked, and each reading of the host with it.
    """
    state, _, for_ms = domain.controlInfo()
    busy = state in (libvirt.VIR_DOMAIN_CONTROL_JOB, libvirt.VIR_DOMAIN_CONTROL_OCCUPIED)
    return state == libvirt.VIR_DOMAIN_CONTROL_ERROR or (busy and for_ms >= _STUCK_MS)
