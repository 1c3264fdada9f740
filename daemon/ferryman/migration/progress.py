"""A move's live progress, from what the hypervisor or the copying says. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import assert_never

from ferryman.fleet.migrating import Job
from ferryman.migration.logbook import DiskProgress
from ferryman.records.journal.entry import JournalEntry
from ferryman.records.progress_files import Progress

_MIB = 1024 * 1024


def progress(entry: JournalEntry, phase: str, work: Job | DiskProgress | None, probe: str, now: datetime) -> Progress:
    """What `status` and `run` show of a move under way."""
    bare = Progress(
        vm=entry.vm,
        id=entry.id,
        source=entry.source,
        destination=entry.destination,
        method=entry.method,
        phase=phase,
        started_at=entry.started_at,
        probe=probe,
        updated_at=now,
    )
    match work:
        case None:
            return bare
        case DiskProgress():
            return replace(
                bare,
                disk_total_bytes=work.total_bytes,
                disk_processed_bytes=work.processed_bytes,
                bandwidth_mib_s=round(work.bytes_s / _MIB, 1),
            )
        case Job():
            return replace(
                bare,
                memory_total_bytes=work.memory_total_bytes or None,
                memory_processed_bytes=work.memory_processed_bytes if work.memory_total_bytes else None,
                disk_total_bytes=work.disk_total_bytes or None,
                disk_processed_bytes=work.disk_processed_bytes if work.disk_total_bytes else None,
                bandwidth_mib_s=round(max(work.memory_bytes_s, work.disk_bytes_s) / _MIB, 1),
                iteration=work.memory_iteration or None,
            )
        case _:
            assert_never(work)
