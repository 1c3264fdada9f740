"""What keeps a domain from being migrated while it runs, by its XML: pure.

Mostly libvirt's own rules, in `qemuMigrationSrcIsAllowed` of its version 9; a 9p mount is refused by QEMU itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from xml.etree import ElementTree as ET


class LiveObstacle(StrEnum):
    """One kind of thing that does not migrate."""

    HOST_INTERFACE = "host-interface"
    """A network card of the host is passed through, by itself or from a network that hands them out."""
    VDPA = "vdpa"
    VIRTIOFS = "virtiofs"
    NINE_P = "9p"
    """QEMU refuses as long as the guest has it mounted."""
    SHARED_MEMORY = "shared-memory"
    """ivshmem, but for the plain or doorbell model in the role of master."""
    TRANSIENT_DISK = "transient-disk"
    INVARIANT_TSC = "invariant-tsc"
    """Required, and no TSC frequency is set that the destination could be held to."""


def live_obstacles(xml: str) -> tuple[LiveObstacle, ...]:
    """Each kind once. Of a running VM this must be the live XML: there networks tell what they came to."""
    root = ET.fromstring(xml)
    return tuple(dict.fromkeys((*_interfaces(root), *_folders(root), *_devices(root))))


def _interfaces(root: ET.Element) -> Iterator[LiveObstacle]:
    for node in root.iterfind("./devices/interface"):
        teaming = node.find("teaming")
        # libvirt unplugs those for the time of a migration, as the guest has another card beside it.
        unplugged = teaming is not None and teaming.get("type") == "transient"
        if node.get("type") == "hostdev" and not unplugged:
            yield LiveObstacle.HOST_INTERFACE
        if node.get("type") == "vdpa":
            yield LiveObstacle.VDPA


def _folders(root: ET.Element) -> Iterator[LiveObstacle]:
    for node in root.iterfind("./devices/filesystem"):
        driver = node.find("driver")
        yield LiveObstacle.VIRTIOFS if driver is not None and driver.get("type") == "virtiofs" else LiveObstacle.NINE_P


def _devices(root: ET.Element) -> Iterator[LiveObstacle]:
    for node in root.iterfind("./devices/shmem"):
        model = node.find("model")
        legacy = model is None or model.get("type", "ivshmem") == "ivshmem"
        if legacy or node.get("role") != "master":
            yield LiveObstacle.SHARED_MEMORY
    if any(node.find("transient") is not None for node in root.iterfind("./devices/disk")):
        yield LiveObstacle.TRANSIENT_DISK
    features = {node.get("name"): node.get("policy", "require") for node in root.iterfind("./cpu/feature")}
    timers = root.iterfind("./clock/timer")
    if features.get("invtsc") in ("require", "force") and not any(
        node.get("name") == "tsc" and node.get("frequency", "0").strip("0") for node in timers
    ):
        yield LiveObstacle.INVARIANT_TSC
