"""How a move goes about it: words that records share with plans."""

from __future__ import annotations

from enum import StrEnum


class ImageCopy(StrEnum):
    """How a cold move gets disks to the destination."""

    MIRROR = "mirror"
    """While the guest runs, its writes included: it is off only for shutting down and booting."""
    NBD = "nbd"
    """Once the guest is off, from host to host."""
    STREAM = "stream"
    """Once the guest is off, the file's bytes as they are, through libvirt and this machine: where there is no SSH."""


class SwitchOver(StrEnum):
    """Who stops the guest at the source, and when."""

    LADDER = "ladder"
    """The hypervisor, once the rest can be sent within a downtime limit that starts low and climbs on a stall."""
    ONE_ITERATION = "one-iteration"
    """The hypervisor, once memory was passed over once, whatever the guest wrote meanwhile."""
