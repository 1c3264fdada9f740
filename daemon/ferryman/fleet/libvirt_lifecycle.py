"""libvirt's lifecycle events in the fleet's words."""

from __future__ import annotations

import libvirt

from ferryman.fleet.lifecycle import Change, LifecycleEvent

_MIGRATED = "migrated"
_POST_COPY = "post-copy"
_POST_COPY_FAILED = "post-copy failed"
_CHANGES = {
    libvirt.VIR_DOMAIN_EVENT_STARTED: Change.STARTED,
    libvirt.VIR_DOMAIN_EVENT_SUSPENDED: Change.SUSPENDED,
    libvirt.VIR_DOMAIN_EVENT_RESUMED: Change.RESUMED,
    libvirt.VIR_DOMAIN_EVENT_SHUTDOWN: Change.SHUT_DOWN,
    libvirt.VIR_DOMAIN_EVENT_STOPPED: Change.STOPPED,
    libvirt.VIR_DOMAIN_EVENT_CRASHED: Change.CRASHED,
}
_WHY = {
    (Change.STARTED, libvirt.VIR_DOMAIN_EVENT_STARTED_BOOTED): "booted",
    (Change.STARTED, libvirt.VIR_DOMAIN_EVENT_STARTED_MIGRATED): _MIGRATED,
    (Change.SUSPENDED, libvirt.VIR_DOMAIN_EVENT_SUSPENDED_MIGRATED): _MIGRATED,
    (Change.SUSPENDED, libvirt.VIR_DOMAIN_EVENT_SUSPENDED_IOERROR): "I/O error",
    (Change.SUSPENDED, libvirt.VIR_DOMAIN_EVENT_SUSPENDED_POSTCOPY): _POST_COPY,
    (Change.SUSPENDED, libvirt.VIR_DOMAIN_EVENT_SUSPENDED_POSTCOPY_FAILED): _POST_COPY_FAILED,
    (Change.RESUMED, libvirt.VIR_DOMAIN_EVENT_RESUMED_MIGRATED): _MIGRATED,
    (Change.RESUMED, libvirt.VIR_DOMAIN_EVENT_RESUMED_POSTCOPY): _POST_COPY,
    (Change.STOPPED, libvirt.VIR_DOMAIN_EVENT_STOPPED_DESTROYED): "destroyed",
    (Change.STOPPED, libvirt.VIR_DOMAIN_EVENT_STOPPED_CRASHED): "crashed",
    (Change.STOPPED, libvirt.VIR_DOMAIN_EVENT_STOPPED_MIGRATED): _MIGRATED,
    (Change.STOPPED, libvirt.VIR_DOMAIN_EVENT_STOPPED_FAILED): "failed",
}


def lifecycle_event(uuid: str, event: int, detail: int, at_ns: int) -> LifecycleEvent | None:
    """What a lifecycle callback was told; None for what does not concern a running guest (defined, undefined)."""
    change = _CHANGES.get(event)
    if change is None:
        return None
    why = _WHY.get((change, detail), "")
    if change is Change.STARTED and why == _MIGRATED:
        change = Change.INCOMING
    return LifecycleEvent(uuid=uuid, change=change, why=why, at_ns=at_ns)
