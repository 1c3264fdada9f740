"""What libvirt tells of a migration's job."""

from __future__ import annotations

from typing import Any

import libvirt

from ferryman.fleet.migrating import Job, JobPhase

NOT_MIGRATING = frozenset({libvirt.VIR_ERR_OPERATION_INVALID, libvirt.VIR_ERR_NO_DOMAIN})
MIGRATIONS = (
    libvirt.VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT,
    libvirt.VIR_DOMAIN_JOB_OPERATION_MIGRATION_IN,
)


def statistics_of(connection: libvirt.virConnect, vm: str, flags: int) -> dict[str, Any]:
    try:
        found: dict[str, Any] = connection.lookupByName(vm).jobStats(flags)
    except libvirt.libvirtError as error:
        if error.get_error_code() in NOT_MIGRATING:
            return {}
        raise
    return found


def job_of(statistics: dict[str, Any], post_copy: JobPhase | None) -> Job:
    return Job(
        phase=_phase(statistics) if post_copy is None else post_copy,
        elapsed_ms=statistics.get("time_elapsed", 0),
        memory_total_bytes=statistics.get("memory_total", 0),
        memory_processed_bytes=statistics.get("memory_processed", 0),
        memory_remaining_bytes=statistics.get("memory_remaining", 0),
        memory_bytes_s=statistics.get("memory_bps", 0),
        memory_iteration=statistics.get("memory_iteration", 0),
        throttle_percent=statistics.get("auto_converge_throttle", 0),
        disk_total_bytes=statistics.get("disk_total", 0),
        disk_processed_bytes=statistics.get("disk_processed", 0),
        disk_remaining_bytes=statistics.get("disk_remaining", 0),
        disk_bytes_s=statistics.get("disk_bps", 0),
        downtime_ms=statistics.get("downtime"),
        setup_ms=statistics.get("setup_time"),
    )


def post_copy_phase(connection: libvirt.virConnect, vm: str) -> JobPhase | None:
    """Only the domain's own state tells of a switch to post-copy: the job goes on as before, and lingers."""
    try:
        state = tuple(connection.lookupByName(vm).state())
    except libvirt.libvirtError as error:
        if error.get_error_code() in NOT_MIGRATING:
            return None
        raise
    return _POST_COPY_PHASES.get(state)


_POST_COPY_PHASES = {
    (libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_POSTCOPY): JobPhase.POST_COPY,
    (libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_POSTCOPY_FAILED): JobPhase.POST_COPY_BROKEN,
}


def _phase(statistics: dict[str, Any]) -> JobPhase:
    """libvirt tells memory_total once QEMU's own migration has begun; until then the disks' mirrors fill."""
    if statistics.get("operation") not in MIGRATIONS:
        return JobPhase.NONE
    if statistics.get("memory_total", 0) > 0:
        return JobPhase.MEMORY
    return JobPhase.DISKS if statistics.get("disk_total", 0) > 0 else JobPhase.SETUP
