"""libvirt's lifecycle events in the fleet's words."""

from __future__ import annotations

import libvirt

from ferryman.fleet.lifecycle import GuestEvent, LifecycleEvent

_MIGRATED = "migrated"
_POST_COPY = "post-copy"
_POST_COPY_FAILED = "post-copy failed"
_CHANGES = {
    libvirt.VIR_DOMAIN_EVENT_STARTED: GuestEvent.STARTED,
    libvirt.VIR_DOMAIN_EVENT_SUSPENDED: GuestEvent.SUSPENDED,
    libvirt.VIR_DOMAIN_EVENT_RESUMED: GuestEvent.RESUMED,
    libvirt.VIR_DOMAIN_EVENT_SHUTDOWN: GuestEvent.SHUT_DOWN,
    libvirt.VIR_DOMAIN_EVENT_STOPPED: GuestEvent.STOPPED,
    libvirt.VIR_DOMAIN_EVENT_CRASHED: GuestEvent.CRASHED,
}
_WHY = {
    (GuestEvent.STARTED, libvirt.VIR_DOMAIN_EVENT_STARTED_BOOTED): "booted",
    (GuestEvent.STARTED, libvirt.VIR_DOMAIN_EVENT_STARTED_MIGRATED): _MIGRATED,
    (GuestEvent.SUSPENDED, libvirt.VIR_DOMAIN_EVENT_SUSPENDED_MIGRATED): _MIGRATED,
    (GuestEvent.SUSPENDED, libvirt.VIR_DOMAIN_EVENT_SUSPENDED_IOERROR): "I/O error",
    (GuestEvent.SUSPENDED, libvirt.VIR_DOMAIN_EVENT_SUSPENDED_POSTCOPY): _POST_COPY,
    (GuestEvent.SUSPENDED, libvirt.VIR_DOMAIN_EVENT_SUSPENDED_POSTCOPY_FAILED): _POST_COPY_FAILED,
    (GuestEvent.RESUMED, libvirt.VIR_DOMAIN_EVENT_RESUMED_MIGRATED): _MIGRATED,
    (GuestEvent.RESUMED, libvirt.VIR_DOMAIN_EVENT_RESUMED_POSTCOPY): _POST_COPY,
    (GuestEvent.STOPPED, libvirt.VIR_DOMAIN_EVENT_STOPPED_DESTROYED): "destroyed",
    (GuestEvent.STOPPED, libvirt.VIR_DOMAIN_EVENT_STOPPED_CRASHED): "crashed",
    (GuestEvent.STOPPED, libvirt.VIR_DOMAIN_EVENT_STOPPED_MIGRATED): _MIGRATED,
    (GuestEvent.STOPPED, libvirt.VIR_DOMAIN_EVENT_STOPPED_FAILED): "failed",
}


def lifecycle_event(uuid: str, event: int, detail: int, at_ns: int) -> LifecycleEvent | None:
    """What a lifecycle callback was told; None for what does not concern a running guest (defined, undefined)."""
    change = _CHANGES.get(event)
    if change is None:
        return None
    why = _WHY.get((change, detail), "")
    if change is GuestEvent.STARTED and why == _MIGRATED:
        change = GuestEvent.INCOMING
    return LifecycleEvent(uuid=uuid, change=change, why=why, at_ns=at_ns)
